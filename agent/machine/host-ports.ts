import type { HostKeys, HostPorts } from '../../reconcilers/host-ports.ts'
import { machineClock } from './clock.ts'
import { createHostFiles } from './files.ts'
import { createNameResolver } from './names.ts'
import { createCommandRunner } from './tools.ts'

/** What the real ports are made from. */
export interface HostPortsInit {
  /** The agent's state folder; reconcilers write below `reconcilers/` in it. */
  readonly stateDir: string
  /** Folder for temporary files with secrets; best on a tmpfs. */
  readonly runDir: string
  readonly keys: HostKeys
  /** Put before every command, see `createCommandRunner`; none where absent. */
  readonly launcher?: readonly string[]
}

/** The machine itself: its tools, files, keys, clock and resolver. */
export function createHostPorts(init: HostPortsInit): HostPorts {
  const stateDir = `${init.stateDir}/reconcilers`
  return {
    run: createCommandRunner(init.launcher),
    files: createHostFiles({ stateDir, runDir: init.runDir }),
    keys: init.keys,
    clock: machineClock,
    resolveName: createNameResolver(),
  }
}
