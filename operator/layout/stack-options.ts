import { isObject } from '../../protocol/documents/canonical-json.ts'
import type { Fault } from '../../protocol/fault.ts'
import { isName } from '../../protocol/names.ts'
import { nameRule } from './layout-schema.ts'

/** Who reaches a published port. */
export type PortScope = 'mesh' | 'lan' | 'public'

/** The options of one stack in a layout. */
export interface StackOptions {
  /** As written, first to last: Compose files, or folders with one. */
  readonly files: readonly string[]
  /** Hosts on which it may run; empty where that cannot be told. */
  readonly hosts: readonly string[]
  /** Absolute path of a host, where relative paths lie; undefined: below the state of covey. */
  readonly dir: string | undefined
  readonly ports: PortScope
  readonly envFiles: readonly string[]
  readonly profiles: readonly string[]
  /** True if its containers have covey's own rights, and not those of Docker. */
  readonly isStrict: boolean
  /** Folders of the host that volumes of its files are, by key: they were there before covey. */
  readonly volumes: ReadonlyMap<string, string>
}

/** Checks what the schema of a layout cannot say of stacks: their names, and where they run. */
export function parseStacks(
  written: readonly (readonly [name: string, options: unknown])[],
  hosts: ReadonlyMap<string, unknown>,
): { readonly stacks: ReadonlyMap<string, StackOptions>; readonly faults: readonly Fault[] } {
  const stacks = new Map<string, StackOptions>()
  const faults: Fault[] = []
  for (const [name, value] of written) {
    const options = isObject(value) ? value : {}
    const path = `stacks.${name}`
    if (!isName(name)) faults.push({ code: 'name', message: nameRule, path })
    faults.push(...hostFaults(path, options, hosts))
    stacks.set(name, optionsOf(options, hosts))
  }
  return { stacks, faults }
}

/** The options for the services of the layout itself. */
export function ownOptions(hosts: ReadonlyMap<string, unknown>): StackOptions {
  return { ...optionsOf({ strict: true }, hosts), files: [] }
}

function optionsOf(
  options: Readonly<Record<string, unknown>>,
  hosts: ReadonlyMap<string, unknown>,
): StackOptions {
  const { dir, ports, strict, volumes } = options
  const adopted = Object.entries(isObject(volumes) ? volumes : {})
  return {
    files: textsIn(options['file']),
    hosts: hostsOf(options, hosts),
    dir: typeof dir === 'string' ? dir : undefined,
    ports: ports === 'lan' || ports === 'public' ? ports : 'mesh',
    envFiles: textsIn(options['env_file']),
    profiles: textsIn(options['profiles']),
    isStrict: strict === true,
    volumes: new Map(
      adopted.filter((each): each is [string, string] => typeof each[1] === 'string'),
    ),
  }
}

function textsIn(value: unknown): readonly string[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value]
  return list.filter((item) => typeof item === 'string')
}

function hostsOf(
  options: Readonly<Record<string, unknown>>,
  hosts: ReadonlyMap<string, unknown>,
): readonly string[] {
  const { host, hosts: several } = options
  if (typeof host === 'string') return [host]
  if (several !== undefined) return [...new Set(textsIn(several))]
  return hosts.size === 1 ? [...hosts.keys()] : []
}

function* hostFaults(
  path: string,
  options: Readonly<Record<string, unknown>>,
  hosts: ReadonlyMap<string, unknown>,
): Generator<Fault> {
  const { host, hosts: several } = options
  if (host !== undefined && several !== undefined) {
    const message = 'goes without host: one of the two says where it runs'
    yield { code: 'layout-host', message, path: `${path}.hosts` }
  }
  const known = `(known: ${[...hosts.keys()].join(', ')})`
  const named: readonly (readonly [string, unknown])[] = [
    [`${path}.host`, host],
    ...textsIn(several).map((name, index) => [`${path}.hosts.${index}`, name] as const),
  ]
  for (const [place, name] of named) {
    if (typeof name !== 'string' || hosts.has(name)) continue
    yield { code: 'layout-host', message: `there is no host "${name}" ${known}`, path: place }
  }
  if (host !== undefined || several !== undefined || hosts.size === 1) return
  const message =
    hosts.size === 0
      ? 'there is no host that it could run on: covey host add'
      : `must say where it runs, as host: ${[...hosts.keys()][0]} ${known}`
  yield { code: 'layout-host', message, path }
}
