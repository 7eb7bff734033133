/**
 * Something that the world does to a cluster at a time. Plain data: it can be kept, cut down and
 * replayed.
 */
export type Stimulus = { readonly at: number } & (
  | { readonly kind: 'sign'; readonly by: number; readonly through: number; readonly note: number }
  /** One operator signs two configs of one version, and each goes to another host. */
  | {
      readonly kind: 'twice'
      readonly by: number
      readonly through: readonly [number, number]
      readonly note: number
    }
  | {
      readonly kind: 'rotate'
      readonly by: number
      readonly through: number
      readonly note: number
    }
  | {
      readonly kind: 'list'
      readonly by: number
      readonly through: number
      readonly host: number
      readonly listed: boolean
      readonly note: number
    }
  | {
      readonly kind: 'rekey'
      readonly by: number
      readonly through: number
      readonly host: number
      readonly note: number
    }
  /** A config with a member and a type that no agent of today knows. */
  | {
      readonly kind: 'future'
      readonly by: number
      readonly through: number
      readonly note: number
    }
  /** Somebody hands out a config that was in force some versions ago. */
  | { readonly kind: 'replay'; readonly through: number; readonly back: number }
  /** An operator who has met both sides of a root fork makes the root that settles it. */
  | { readonly kind: 'settle'; readonly through: number; readonly note: number }
  /** A thief has all of the operator's keys but one of those that it takes, and signs with them. */
  | {
      readonly kind: 'forge'
      readonly through: number
      readonly how: Forging
      readonly note: number
    }
  | {
      readonly kind: 'cut'
      readonly from: readonly number[]
      readonly to: readonly number[]
      readonly bothWays: boolean
    }
  | { readonly kind: 'heal' }
  | {
      readonly kind: 'end'
      readonly host: number
      readonly how: 'killed' | 'rebooted'
      readonly downMs: number
    }
  | { readonly kind: 'pause'; readonly host: number; readonly ms: number }
  | { readonly kind: 'skew'; readonly host: number; readonly ms: number }
  | {
      readonly kind: 'damage'
      readonly host: number
      readonly file: 'head' | 'previous' | 'confirmed' | 'floor'
    }
  | { readonly kind: 'snapshot'; readonly host: number; readonly restoreMs: number }
  | {
      readonly kind: 'misbehave'
      readonly host: number
      readonly to: number
      readonly how: BadAct
      readonly note: number
    }
)

/** An act of a bad member. */
export type BadAct =
  | 'old-head'
  | 'bogus-head'
  | 'forged-document'
  | 'other-document'
  | 'garbage'
  | 'flood'
  | Lie

/** A lie of a bad member about others' statuses, or about the status of the host that hears it. */
export type Lie =
  /** An unsigned claim to know records with high numbers. */
  | 'status-digest'
  /** Records about others with high numbers, which it has signed itself. */
  | 'status-forged'
  /** Statuses that others sent a while ago. */
  | 'status-replayed'

/** Ways of signing what must not be taken. */
export type Forging =
  | 'too-few'
  | 'one-twice'
  | 'root-keys'
  | 'old-keys'
  | 'other-cluster'
  | 'root-too-few'
  | 'root-unproven'

/** Order in which two stimuli happen. */
export function byTime(a: Stimulus, b: Stimulus): number {
  return a.at - b.at
}
