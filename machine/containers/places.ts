import { join, resolve } from 'node:path'

/** Prefix of the ids of covey's containers. */
export const idPrefix: string = 'covey-'

/** Paths of everything of the containers of a host. All are absolute. */
export interface HostPlaces {
  /** Durable folders of containers, by their ids. */
  readonly records: string
  /** Folders that are emptied beside everything else. */
  readonly trash: string
  readonly volumes: string
  /** Folders of containers in this boot, by their ids. */
  readonly runs: string
  /** Folder where root file systems are mounted again for the root of user namespaces. */
  readonly mappedRoots: string
  /** `--root` of runc: covey's own, so that nobody else's containers are ever met. */
  readonly runcRoot: string
  /** The supervisors write a file for each container that ended. */
  readonly exits: string
  readonly secrets: string
}

/** Places below the agent's two folders. */
export function hostPlaces(stateDir: string, runDir: string): HostPlaces {
  return {
    records: join(stateDir, 'containers'),
    trash: join(stateDir, 'containers', '.removed'),
    volumes: join(stateDir, 'volumes'),
    runs: join(runDir, 'containers'),
    // Beside the run folder: that has the sockets in it, and stays closed to those ids.
    mappedRoots: `${resolve(runDir)}-roots`,
    runcRoot: join(runDir, 'runc'),
    exits: join(runDir, 'exits'),
    secrets: join(runDir, 'secrets'),
  }
}

/** Paths of everything of one container. */
export interface ContainerPlaces {
  /** Durable folder: the record, the writable layer, how it ended. */
  readonly durable: string
  readonly upper: string
  readonly work: string
  /** Folder in this boot. */
  readonly run: string
  readonly bundle: string
  readonly rootfs: string
  readonly mappedRootfs: string
  /** The root of the host, for one that may look at it. */
  readonly hostRoot: string
  /** Path for its user namespace, if it has one. */
  readonly userNamespace: string
  readonly files: string
  /** Short names for layers: the options of a mount end at one page. */
  readonly layers: string
  readonly supervisorPid: string
  readonly processPid: string
  /** File that the supervisor makes when memory ran out. */
  readonly notes: string
  readonly life: string
  readonly secrets: string
  readonly exit: string
  /** Folder of the runtime's own state. */
  readonly runtime: string
}

/** Places of one container. The id is made from checked names only. */
export function placesOf(host: HostPlaces, id: string): ContainerPlaces {
  const durable = join(host.records, id)
  const run = join(host.runs, id)
  return {
    durable,
    upper: join(durable, 'upper'),
    work: join(durable, 'work'),
    run,
    bundle: join(run, 'bundle'),
    rootfs: join(run, 'rootfs'),
    mappedRootfs: join(host.mappedRoots, id),
    hostRoot: join(host.mappedRoots, `${id}.host`),
    userNamespace: join(run, 'user-namespace.json'),
    files: join(run, 'files'),
    layers: join(run, 'layers'),
    supervisorPid: join(run, 'conmon.pid'),
    processPid: join(run, 'process.pid'),
    notes: join(run, 'notes'),
    life: join(run, 'life.json'),
    secrets: join(host.secrets, id),
    exit: join(host.exits, id),
    runtime: join(host.runcRoot, id),
  }
}
