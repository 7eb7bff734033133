import { type ContainerRow, containersSchema, serviceOf } from '../../protocol/api/containers.ts'
import { isObject } from '../../protocol/documents/canonical-json.ts'
import type { Config } from '../../protocol/documents/config.ts'
import { ask, documentOf } from '../agent-client/client.ts'
import { askConfig } from '../agent-client/config.ts'
import type { Input } from '../commands/definition.ts'
import { Failure } from '../terminal/failure.ts'
import type { Session } from '../terminal/session.ts'
import { entriesFor } from './entries.ts'
import { containersNamed, type KnownContainer } from './find.ts'
import { type OpenHost, openHosts } from './open.ts'

/** Containers that a command is about, each on a host that can be asked. */
export interface Targets {
  /** True if the command is about several hosts, so that output has to name them. */
  readonly isSeveral: boolean
  readonly found: readonly (KnownContainer & { readonly at: OpenHost })[]
}

/** The containers of a node, and what it said of them. Throws as `ask` does, `answer-broken`. */
export async function askContainers(
  session: Session,
): Promise<{ readonly document: unknown; readonly rows: readonly ContainerRow[] }> {
  const answer = await ask(session, { method: 'GET', path: '/v1/containers' })
  const document = documentOf(session, answer)
  const rows = containersSchema.safeParse(document)
  if (rows.success) return { document, rows: rows.data }
  throw new Failure(1, 'answer-broken', 'the agent listed its containers in an unknown form', {
    hint: 'use the covey of the same version as the agent',
  })
}

/**
 * Finds containers by the words for them. With several hosts the config of the first that answers
 * says who is where, so that no other host than those concerned is waited for. On one host a word
 * that nothing has is taken for an object, whose log may be left. Throws `Failure`
 * `no-such-container` (2), `ambiguous-name` (2), as `entriesFor`.
 */
export async function findTargets(
  session: Session,
  input: Input,
  words: readonly string[],
): Promise<Targets> {
  const entries = await entriesFor(session, input)
  if (entries === undefined) return onOneHost(session, words)
  const hosts = openHosts(session, entries)
  const config = await configOf(hosts)
  const known = containersIn(
    config,
    hosts.map(({ name }) => name),
  )
  const found = words.flatMap((word) => {
    const all = containersNamed(word, known)
    if (all.length > 0) return all
    const everywhere = containersIn(config, Object.keys(config.hosts))
    const names = known.map(({ service, object }) => service ?? object)
    throw noSuchContainer(word, names, containersNamed(word, everywhere))
  })
  const targets = unique(found).flatMap((each) => {
    const at = hosts.find(({ name }) => name === each.host)
    return at === undefined ? [] : [{ ...each, at }]
  })
  return { isSeveral: true, found: targets }
}

async function onOneHost(session: Session, words: readonly string[]): Promise<Targets> {
  const at: OpenHost = { name: '', session: async () => session }
  const { rows } = await askContainers(session).catch(() => ({ rows: [] }))
  const known = rows.map(({ name, service, replica }) => {
    return { host: '', object: name, service, replica }
  })
  const found = words.flatMap((word) => {
    const all = containersNamed(word, known)
    return all.length > 0 ? all : [{ host: '', object: word, service: null, replica: 1 }]
  })
  return { isSeveral: false, found: unique(found).map((each) => ({ ...each, at })) }
}

function unique(all: readonly KnownContainer[]): readonly KnownContainer[] {
  return [...new Map(all.map((each) => [`${each.host}/${each.object}`, each])).values()]
}

/** The config of the first host that answers. */
async function configOf(hosts: readonly OpenHost[]): Promise<Config> {
  const configs = hosts.map(async (host) => askConfig(await host.session()))
  return await Promise.any(configs).catch((error: AggregateError) => {
    throw error.errors[0] ?? error
  })
}

/** Every container that a config has on these hosts. */
export function containersIn(
  config: Pick<Config, 'hosts'>,
  hosts: readonly string[],
): readonly KnownContainer[] {
  return hosts.flatMap((name) => {
    const objects = Object.entries(config.hosts[name] ?? {})
    return objects.flatMap(([object, value]) => {
      if (!isObject(value) || value['type'] !== 'runc_container') return []
      const labels = isObject(value['labels']) ? value['labels'] : {}
      return [{ host: name, object, ...serviceOf(labels) }]
    })
  })
}

/** Nothing that is asked has this name: other hosts have, or `names` are all that there is. */
export function noSuchContainer(
  word: string,
  names: readonly string[],
  elsewhere: readonly KnownContainer[],
): Failure {
  const [first] = elsewhere
  if (first !== undefined) {
    const hosts = [...new Set(elsewhere.map(({ host }) => host))].join(', ')
    return new Failure(2, 'no-such-container', `${word} is on ${hosts}, which is not asked`, {
      hint: `ask it: --host ${first.host}`,
    })
  }
  const all = [...new Set(names)].sort()
  const hint = all.length === 0 ? 'there is none at all' : `there is: ${all.join(', ')}`
  return new Failure(2, 'no-such-container', `there is no container or service ${word}`, { hint })
}
