import type { Json } from '../../protocol/documents/canonical-json.ts'
import type { Effect } from '../../reconcilers/effects/effect.ts'

/** One field that differs. `from` or `to` is undefined where the field is not there. */
export interface FieldChange {
  /** Names of members and numbers of entries on the way to it. */
  readonly segments: readonly string[]
  readonly from: Json | undefined
  readonly to: Json | undefined
}

/** One object that differs, or that starts anew because of another one. */
export interface ObjectChange {
  readonly host: string
  readonly object: string
  readonly type: string
  /** The service that it belongs to, in the layout's words; null for none. */
  readonly service: string | null
  readonly kind: 'add' | 'change' | 'remove'
  /** Empty where the object is added or removed, or only follows another one. */
  readonly fields: readonly FieldChange[]
  readonly effect: Effect
  /** True if its service is away for a while. */
  readonly gap: boolean
}

/** A way to a port that comes or goes. */
export interface Opening {
  readonly host: string
  /** A number, a range as `8000-8010`, or null for all ports. */
  readonly port: number | string | null
  readonly protocol: string
  /** `everybody`, `lan`, `mesh`, a service, or what the policy names. */
  readonly to: string
  /** The target: its service, else its object. */
  readonly service: string
  /** True if it is a port of the host; else it is one of the container's own address. */
  readonly published: boolean
}

/** Data that no service will see any more. */
export interface Loss {
  readonly host: string
  /** Object of the volume, or the path of the host. */
  readonly volume: string
}

/** A grant that a host must give. */
export interface Need {
  readonly host: string
  readonly grant: string
}

/** A change that is refused until somebody says that it is meant. */
export interface Guard {
  readonly code: string
  readonly message: string
  /** The option, or the command, that is the way on; null where there is none. */
  readonly override: string | null
}

/** The difference between two configs, and what comes of it. */
export interface Plan {
  readonly changes: readonly ObjectChange[]
  readonly opens: readonly Opening[]
  readonly closes: readonly Opening[]
  readonly loses: readonly Loss[]
  readonly needs: readonly Need[]
  readonly guards: readonly Guard[]
}
