import * as z from 'zod'
import { dockerAnswerBytesMax, remoteAnswerMsMax } from '../limits.ts'
import { type RemoteShell, wordGroups } from '../ssh/remote-shell.ts'
import { Failure } from '../terminal/failure.ts'
import { cleanPath } from './remote-files.ts'

const mountSchema = z.looseObject({
  Type: z.string().optional(),
  Name: z.string().optional(),
  Source: z.string().optional(),
  Destination: z.string().optional(),
})

const containerSchema = z.object({
  id: z.string().regex(/^[0-9a-f]{12,64}$/),
  labels: z.record(z.string(), z.string()),
  running: z.boolean(),
  restart: z.looseObject({ Name: z.string().optional() }).nullable(),
  mounts: z.array(mountSchema).nullable(),
  ports: z.record(z.string(), z.unknown()).nullable(),
})

const volumeSchema = z.object({
  name: z.string(),
  driver: z.string(),
  mountpoint: z.string(),
  options: z.record(z.string(), z.string()).nullable(),
})

/** A container that Docker has for a Compose project. */
export interface DockerContainer {
  readonly id: string
  readonly project: string
  readonly service: string
  /** Folder that the project was started in. */
  readonly folder: string
  /** Compose files that it was started with, absolute. */
  readonly files: readonly string[]
  readonly isRunning: boolean
  /** `no`, `always`, `unless-stopped` or `on-failure`. */
  readonly restart: string
  readonly volumes: readonly {
    readonly name: string
    readonly path: string
    readonly target: string
  }[]
  /** Ports of the host that it publishes, as `8080/tcp`. */
  readonly ports: readonly string[]
}

/** A volume that Docker has. */
export interface DockerVolume {
  readonly name: string
  /** Folder of the host; undefined where its driver keeps it elsewhere. */
  readonly path: string | undefined
}

/** The shell's, for a program that is not there. */
const noDocker = 127

const listScript = `ids=$(docker ps --all --quiet --no-trunc --filter label=com.docker.compose.project) || exit $?
[ -z "$ids" ] || docker inspect --format "$1" $ids || :`

const containerFormat =
  '{"id":{{json .Id}},"labels":{{json .Config.Labels}},"running":{{json .State.Running}},' +
  '"restart":{{json .HostConfig.RestartPolicy}},"mounts":{{json .Mounts}},' +
  '"ports":{{json .HostConfig.PortBindings}}}'

/**
 * Containers that Docker has for Compose projects on a host; undefined where there is no docker.
 * Throws `Failure` `docker-failed`, and as `shell.run`.
 */
export async function dockerContainers(
  shell: RemoteShell,
): Promise<readonly DockerContainer[] | undefined> {
  const { code, out, words } = await shell.run(listScript, [containerFormat], bounds)
  if (code === noDocker) return undefined
  if (code !== 0) throw dockerFailure(shell, words)
  return documents(shell, out, containerSchema).map((found) => {
    const label = (name: string): string => found.labels[`com.docker.compose.${name}`] ?? ''
    const files = label('project.config_files').split(',')
    const volumes = (found.mounts ?? []).flatMap(({ Type, Name, Source, Destination }) => {
      if (Type !== 'volume' || Name === undefined || Destination === undefined) return []
      return [{ name: Name, path: Source ?? '', target: Destination }]
    })
    return {
      id: found.id,
      project: label('project'),
      service: label('service'),
      folder: cleanPath(label('project.working_dir')) ?? '',
      files: files.flatMap((file) => cleanPath(file) ?? []),
      isRunning: found.running,
      restart: found.restart?.Name || 'no',
      volumes,
      ports: Object.entries(found.ports ?? {}).flatMap(([port, bindings]) =>
        hostPorts(port, bindings),
      ),
    }
  })
}

function hostPorts(port: string, bindings: unknown): readonly string[] {
  const protocol = port.split('/')[1] ?? 'tcp'
  const list: readonly unknown[] = Array.isArray(bindings) ? bindings : []
  return list.flatMap((binding) => {
    const { data } = z.looseObject({ HostPort: z.string() }).safeParse(binding)
    return data === undefined || data.HostPort === '' ? [] : [`${data.HostPort}/${protocol}`]
  })
}

const volumeScript = `format=$1
shift
docker volume inspect --format "$format" -- "$@" 2>/dev/null
[ $? != ${noDocker} ] || exit ${noDocker}`

const volumeFormat =
  '{"name":{{json .Name}},"driver":{{json .Driver}},"mountpoint":{{json .Mountpoint}},' +
  '"options":{{json .Options}}}'

/** Those of these volumes that Docker has; undefined where there is no docker. */
export async function dockerVolumes(
  shell: RemoteShell,
  names: readonly string[],
): Promise<readonly DockerVolume[] | undefined> {
  const all: z.infer<typeof volumeSchema>[] = []
  for (const group of wordGroups(names)) {
    const { code, out } = await shell.run(volumeScript, [volumeFormat, ...group], bounds)
    if (code === noDocker) return undefined
    all.push(...documents(shell, out, volumeSchema))
  }
  return all.map(({ name, driver, mountpoint, options }) => {
    const isPlain = driver === 'local' && Object.keys(options ?? {}).length === 0
    const path = isPlain ? cleanPath(mountpoint) : undefined
    return { name, path }
  })
}

const bounds = { bytesMax: dockerAnswerBytesMax, msMax: remoteAnswerMsMax }

/** The failure of a command to Docker, in its own first words. */
export function dockerFailure(shell: RemoteShell, words: string): Failure {
  return new Failure(1, 'docker-failed', `docker on ${shell.name} does not do what it is asked`, {
    hint: 'log in as root or as a member of the group docker; docker ps there says more',
    cause: new Error(words.trim()),
  })
}

function documents<T>(shell: RemoteShell, out: Buffer, schema: z.ZodType<T>): readonly T[] {
  const lines = out.toString().split('\n')
  return lines
    .filter((line) => line.trim() !== '')
    .map((line) => {
      try {
        const parsed = schema.safeParse(JSON.parse(line))
        if (parsed.success) return parsed.data
      } catch {
        // Said below.
      }
      throw new Failure(1, 'docker-answer', `docker on ${shell.name} answers in an unknown form`, {
        hint: 'covey knows docker 20.10 and newer',
      })
    })
}
