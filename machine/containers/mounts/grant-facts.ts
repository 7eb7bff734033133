import { realpathSync } from 'node:fs'
import { type GrantFacts, grantFault } from '../../../reconcilers/runc/bundle/grants.ts'
import { hostPlaces } from '../places.ts'
import { grantedPath } from './granted-path.ts'

/** Settings of a host that bound what containers get of it, and paths of covey on it. */
export interface GrantSettings {
  readonly grants: readonly string[]
  /** File in which grants stand, for messages to people. */
  readonly settingsFile: string
  readonly stateDir: string
  readonly runDir: string
}

/** The facts of this host that grants are judged by. */
export function grantFacts(settings: GrantSettings): GrantFacts {
  const { grants, settingsFile, stateDir, runDir } = settings
  const { records, volumes, mappedRoots } = hostPlaces(stateDir, runDir)
  const own = [stateDir, runDir, records, volumes, mappedRoots]
  const paths = grants.filter((each) => each.startsWith('path:') && grantFault(each) === undefined)
  const granted = paths.map((each) => each.slice('path:'.length))
  return {
    grants,
    settingsFile,
    ownFolders: [...new Set(own.flatMap((folder) => [folder, realPath(folder) ?? folder]))],
    realPath,
    grantedPath: (path) => grantedPath(path, granted),
  }
}

function realPath(path: string): string | null {
  try {
    return realpathSync(path)
  } catch {
    return null
  }
}
