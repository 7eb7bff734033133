import type { DockerContainer } from './docker-facts.ts'

/** The known facts about a stack whose project is looked for. */
export interface WantedProject {
  readonly stack: string
  /** Folder of the host in which the project lies, where the layout says it. */
  readonly dir: string | undefined
  /** Ports of the host that the stack publishes, as `8080/tcp`. */
  readonly ports: readonly string[]
}

/** The containers of one Compose project of Docker, as far as it has to be stopped. */
export interface RunningProject {
  readonly project: string
  /** Ids of those that run: at least one. */
  readonly running: readonly string[]
  /** Of those that Docker starts again by itself whenever it starts. */
  readonly always: readonly string[]
}

/**
 * The projects that stand for a stack: those of its folder; else the one of its name; else those
 * that hold its ports. Only what runs is told. Pure.
 */
export function findProjects(
  containers: readonly DockerContainer[],
  { stack, dir, ports }: WantedProject,
): readonly RunningProject[] {
  const ofFolder = containers.filter(({ folder }) => dir !== undefined && folder === dir)
  const ofName = containers.filter(({ project }) => project === stack)
  const holders = containers
    .filter((each) => each.isRunning && each.ports.some((port) => ports.includes(port)))
    .map(({ project }) => project)
  const ofPorts = containers.filter(({ project }) => holders.includes(project))
  const found = [ofFolder, ofName, ofPorts].find((each) => each.length > 0) ?? []
  const names = [...new Set(found.map(({ project }) => project))].sort()
  return names.flatMap((project) => {
    const own = containers.filter((each) => each.project === project)
    const running = own.filter(({ isRunning }) => isRunning).map(({ id }) => id)
    const always = own.filter(({ restart }) => restart === 'always').map(({ id }) => id)
    return running.length === 0 ? [] : [{ project, running, always }]
  })
}
