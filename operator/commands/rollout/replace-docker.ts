import type { Config } from '../../../protocol/documents/config.ts'
import { placeOf } from '../../agent-client/place.ts'
import { serviceOfContainer } from '../../diff/services.ts'
import { dockerContainers } from '../../docker/docker-facts.ts'
import { findProjects, type RunningProject } from '../../docker/find-project.ts'
import { type StoppedProject, stopProject } from '../../docker/stop-project.ts'
import type { OperatorFolder } from '../../folder/folder.ts'
import { readLayout } from '../../folder/layout-files.ts'
import type { Layout } from '../../layout/layout.ts'
import { openShell, ownShell, type RemoteShell } from '../../ssh/remote-shell.ts'
import { Failure } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import type { NodeLook } from './look-at-node.ts'

/** A project of Docker that a stack takes the place of. */
export interface Replaced {
  readonly stack: string
  readonly host: string
  readonly shell: RemoteShell
  readonly found: RunningProject
}

/**
 * Finds the projects of Docker that hold what stacks need. Throws `Failure` `no-such-stack` (2),
 * `no-docker` (1), `no-way` (5), and as `openShell` and `dockerContainers`.
 */
export async function findReplaced(
  session: Session,
  folder: OperatorFolder,
  look: NodeLook,
  hosts: Config['hosts'],
  stacks: readonly string[],
): Promise<readonly Replaced[]> {
  const { layout } = await readLayout(session, folder.shown('cluster.yaml'))
  const machines = new Map<string, DockerMachine>()
  const replaced: Replaced[] = []
  for (const stack of new Set(stacks)) {
    const options = layout.stacks.get(stack)
    if (options === undefined) {
      const known = [...layout.stacks.keys()].join(', ') || 'none'
      throw new Failure(
        2,
        'no-such-stack',
        `--replace-docker ${stack}: the layout has no such stack`,
        {
          hint: `stacks: ${known}`,
        },
      )
    }
    for (const [host, ports] of portsByHost(hosts, stack)) {
      const machine = machines.get(host) ?? (await machineOf(session, look, layout, host))
      machines.set(host, machine)
      const { shell, containers } = machine
      if (containers === undefined) throw noDocker(stack, host)
      const found = findProjects(containers, { stack, dir: options.dir, ports })
      if (found.length === 0) session.note(`${stack}: no project of Docker runs for it on ${host}`)
      replaced.push(...found.map((each) => ({ stack, host, shell, found: each })))
    }
  }
  return replaced
}

/** A host with what its Docker runs; undefined where it has no Docker. */
interface DockerMachine {
  readonly shell: RemoteShell
  readonly containers: Awaited<ReturnType<typeof dockerContainers>>
}

async function machineOf(
  session: Session,
  look: NodeLook,
  layout: Layout,
  host: string,
): Promise<DockerMachine> {
  const shell = await shellFor(session, look, layout, host)
  return { shell, containers: await dockerContainers(shell) }
}

/** Hosts with containers of a stack, each with the ports that they publish there. */
function portsByHost(
  hosts: Config['hosts'],
  stack: string,
): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>()
  for (const [host, section] of Object.entries(hosts)) {
    const objects = Object.entries(section)
    const own = objects.filter(([name, object]) => {
      const isOfStack = serviceOfContainer(name, object).startsWith(`${stack}/`)
      return object.type === 'runc_container' && isOfStack
    })
    if (own.length === 0) continue
    const names = own.map(([name]) => name)
    const ports = objects.flatMap(([, object]) => {
      const isOwn =
        object.type === 'nftables_publish' && names.includes(String(object['container']))
      return isOwn ? [`${object['host_port']}/${object['protocol']}`] : []
    })
    found.set(host, ports)
  }
  return found
}

function noDocker(stack: string, host: string): Failure {
  return new Failure(1, 'no-docker', `--replace-docker ${stack}: there is no docker on ${host}`, {
    hint: 'nothing was signed; covey apply without --replace-docker starts the stack',
  })
}

async function shellFor(
  session: Session,
  { status }: NodeLook,
  { hosts }: Layout,
  host: string,
): Promise<RemoteShell> {
  const { env, canAsk } = session.io
  const { line } = await placeOf(session)
  const asked = status.host === host ? line?.destination : undefined
  const destination = hosts.get(host)?.ssh ?? asked
  if (destination !== undefined) return await openShell({ destination, env, mayAsk: canAsk })
  if (status.host === host) return ownShell(env)
  throw new Failure(5, 'no-way', `${host} has no ssh address, by which Docker there is reached`, {
    hint: `say where you reach it: hosts.${host}.ssh in cluster.yaml`,
  })
}

/** Projects that were stopped, which go back or stay stopped together. */
export interface Stopped {
  /** For people: `immich of Docker on pi`. */
  readonly text: string
  going(): Promise<void>
  /** Starts all of them again. Throws the first failure. */
  back(): Promise<void>
  keep(): Promise<void>
}

/** Stops projects, all or none. Throws as `stopProject`; what was stopped is started again. */
export async function stopAll(session: Session, all: readonly Replaced[]): Promise<Stopped> {
  const stopped: StoppedProject[] = []
  const names = all.map(({ host, found }) => `${found.project} of Docker on ${host}`)
  const text = names.join(' and ')
  const everyone = async (act: (each: StoppedProject) => Promise<void>): Promise<void> => {
    const ends = await Promise.allSettled(stopped.map(act))
    const failed = ends.find((end) => end.status === 'rejected')
    if (failed !== undefined) throw failed.reason
  }
  const group: Stopped = {
    text,
    going: () => everyone((each) => each.going()),
    back: () => everyone((each) => each.back()),
    keep: () => everyone((each) => each.keep()),
  }
  try {
    for (const { host, shell, found } of all) {
      session.note(`stopping ${found.project} of Docker on ${host}`)
      stopped.push(await stopProject(shell, found))
    }
  } catch (error) {
    await group.back().catch(() => undefined)
    throw error
  }
  return group
}
