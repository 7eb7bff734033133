import type {
  ContainerFile,
  ImageFolder,
  MountNeeds,
  UserNamespaceNeeds,
  VolumeUse,
} from '../../container-facts.ts'
import type { CheckSecrets, SecretFile } from '../../host-secrets.ts'

/** Everything that a container is made from except its layers. Pure data. */
export interface Bundle {
  /** `config.json` of the OCI runtime spec. Holds no secret. */
  readonly config: Readonly<Record<string, unknown>>
  readonly files: readonly ContainerFile[]
  readonly secrets: readonly SecretFile[]
  /** Null where commands of health checks need no secrets. */
  readonly checkSecrets: CheckSecrets | null
  readonly volumes: readonly VolumeUse[]
  readonly folders: readonly ImageFolder[]
  /** Number of the signal that asks it to stop. */
  readonly stopSignal: number
  readonly mountNeeds: MountNeeds
  /** Settings of the host's own kernel, by their names for sysctl(8). */
  readonly hostSettings: Readonly<Record<string, string>>
  /** For a container with a user namespace only. */
  readonly userNamespace?: UserNamespaceNeeds
}
