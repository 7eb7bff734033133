import type { HostContainers } from '../reconcilers/host-containers.ts'
import type { HostImages } from '../reconcilers/host-images.ts'
import type { HostKeys, HostPorts } from '../reconcilers/host-ports.ts'
import type { HostSecrets } from '../reconcilers/host-secrets.ts'
import { machineClock } from './clock.ts'
import { createHostFiles } from './files/host-files.ts'
import { createNameResolver } from './names.ts'
import { createCommandRunner } from './tools.ts'

/** Dependencies of the real ports. */
export interface HostPortsInit {
  /** The agent's state folder; reconcilers write below `reconcilers/` in it. */
  readonly stateDir: string
  /** Folder for temporary files with secrets; best on a tmpfs. */
  readonly runDir: string
  readonly keys: HostKeys
  readonly images: HostImages
  readonly containers: HostContainers
  readonly secrets: HostSecrets
  /** Put before every command, see `createCommandRunner`; none where absent. */
  readonly launcher?: readonly string[]
  /** Tools of other packages' reconcilers, each with the Debian package that brings it. */
  readonly tools?: Readonly<Record<string, string>>
}

/** The machine itself: its tools, files, keys, clock and resolver. */
export function createHostPorts(init: HostPortsInit): HostPorts {
  const stateDir = `${init.stateDir}/reconcilers`
  return {
    run: createCommandRunner(init.launcher, init.tools),
    files: createHostFiles({ stateDir, runDir: init.runDir }),
    keys: init.keys,
    images: init.images,
    containers: init.containers,
    secrets: init.secrets,
    clock: machineClock,
    resolveName: createNameResolver(),
  }
}
