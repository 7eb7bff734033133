import { join } from 'node:path'
import { imagesSchema } from '../../../protocol/api/images.ts'
import type { Status } from '../../../protocol/api/status.ts'
import type { Config } from '../../../protocol/documents/config.ts'
import { ask, documentOf } from '../../agent-client/client.ts'
import { askConfig } from '../../agent-client/config.ts'
import { askStatus } from '../../agent-client/status.ts'
import { askHost } from '../../all-hosts/ask-all.ts'
import { entriesFor } from '../../all-hosts/entries.ts'
import { containersNamed, type KnownContainer, shownName } from '../../all-hosts/find.ts'
import { askContainers, containersIn, noSuchContainer } from '../../all-hosts/known.ts'
import { type OpenHost, openHosts } from '../../all-hosts/open.ts'
import { findFolder, shownPath } from '../../folder/folder.ts'
import { readLayout } from '../../folder/layout-files.ts'
import { labelOf } from '../../layout/services/members.ts'
import { readStacks } from '../../stacks/read-stacks.ts'
import { ExitWith, Failure } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import { containerName } from '../containers/name.ts'
import type { Input } from '../definition.ts'
import { lastLines } from '../rollout/watching/unwell.ts'
import { type ContainerFacts, isBefore, type Link, linksOf, withOneHint } from './links.ts'
import { type Asker, askerOf, policyLink, publishedPorts, tunnelLink } from './reach.ts'

/** The findings about one container. */
interface Found {
  readonly host: string
  readonly object: string
  readonly name: string
  readonly links: readonly Link[]
  readonly log: readonly string[]
}

/** `covey why SERVICE [--from WHO]`. */
export async function explainService(session: Session, input: Input): Promise<void> {
  const word = containerName(input)
  const scope = await scopeOf(session, input)
  const layout = await servicesInLayout(session)
  const known = containersIn(scope.config, Object.keys(scope.config.hosts))
  const all = containersNamed(word, known)
  const meant = all.filter(({ host }) => scope.hosts.some((each) => each.name === host))
  if (meant.length === 0) return explainAbsence(session, word, { known, all, layout, scope })
  const asker = askerFor(input.text('from'), scope.config, known)
  const said = await saidBy(scope, [...meant.map(({ host }) => host), asker?.host ?? null])
  const found: Found[] = []
  for (const container of meant) {
    const facts = factsOf(container, scope.config, said, layout)
    const links = [...linksOf(facts), ...reachLinks(asker, container, scope.config, said)]
    const isWell = links.every(({ state }) => state !== 'broken')
    const log = isWell ? [] : await logOf(scope, container)
    const { host, object } = container
    found.push({ host, object, name: facts.name, links: withOneHint(links), log })
  }
  tell(session, found)
}

/** The hosts that are asked, and the config in force. */
interface Scope {
  readonly hosts: readonly OpenHost[]
  readonly config: Config
}

async function scopeOf(session: Session, input: Input): Promise<Scope> {
  const entries = await entriesFor(session, input)
  if (entries === undefined) {
    const { status } = await askStatus(session)
    const own: OpenHost = { name: status.host, session: async () => session }
    return { hosts: [own], config: await askConfig(session) }
  }
  const hosts = openHosts(session, entries)
  const asked = hosts.map((host) => askHost(host, askConfig))
  for (const each of asked) each.catch(() => undefined)
  const configs = (await Promise.allSettled(asked)).flatMap((each) => {
    return each.status === 'fulfilled' ? [each.value.value] : []
  })
  const newest = configs.toSorted((a, b) => b.epoch - a.epoch || b.version - a.version)[0]
  if (newest !== undefined) return { hosts, config: newest }
  await Promise.any(asked).catch((error: AggregateError) => {
    throw error.errors[0] ?? error
  })
  throw new Failure(5, 'no-agent', 'no host answers', { hint: 'covey host list' })
}

/** Names of services in the layout here; null where there is none, or none that can be read. */
async function servicesInLayout(session: Session): Promise<ReadonlySet<string> | null> {
  const dir = await findFolder(session)
  if (dir === undefined || session.settings.to !== undefined) return null
  const path = join(dir, 'cluster.yaml')
  if ((await session.io.files.look(path)) === null) return null
  try {
    const { stacks } = await readStacks(
      session,
      await readLayout(session, shownPath(session, path)),
    )
    return new Set(
      stacks.flatMap(({ name, project }) => {
        return [...project.services.keys()].map((service) => labelOf(name, service))
      }),
    )
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    session.warn(`the layout cannot be read: ${error.message}`)
    return null
  }
}

function askerFor(
  from: string | undefined,
  config: Config,
  known: readonly KnownContainer[],
): Asker | null {
  if (from === undefined) return null
  const [container] = containersNamed(from, known)
  return askerOf(
    config,
    from,
    container === undefined ? undefined : { ...container, name: serviceName(container) },
  )
}

/** As `x-covey: allow` names it: without its replica. */
function serviceName({ service, object }: KnownContainer): string {
  return service ?? object
}

type SaidByHost = ReadonlyMap<string, ContainerFacts['said']>

async function saidBy(scope: Scope, names: readonly (string | null)[]): Promise<SaidByHost> {
  const said = new Map<string, ContainerFacts['said']>()
  const hosts = scope.hosts.filter(({ name }) => names.includes(name))
  await Promise.all(
    hosts.map(async (host) => {
      try {
        const { value } = await askHost(host, async (asked) => {
          const { status } = await askStatus(asked)
          const { rows } = await askContainers(asked)
          return { status, rows, images: await imagesOf(asked) }
        })
        said.set(host.name, value)
      } catch (error) {
        if (!(error instanceof Failure)) throw error
        said.set(host.name, { failure: error.message })
      }
    }),
  )
  return said
}

async function imagesOf(session: Session): Promise<ReadonlySet<string> | null> {
  const answer = await ask(session, { method: 'GET', path: '/v1/images' })
  const list = imagesSchema.safeParse(documentOf(session, answer))
  return list.success ? new Set(list.data.images.flatMap(({ references }) => references)) : null
}

function statuses(said: SaidByHost): ReadonlyMap<string, Status> {
  return new Map(
    [...said].flatMap(([host, each]) => ('failure' in each ? [] : [[host, each.status] as const])),
  )
}

function factsOf(
  container: KnownContainer,
  config: Config,
  said: SaidByHost,
  layout: ReadonlySet<string> | null,
): ContainerFacts {
  const { host, object, service } = container
  const all = [...statuses(said).values()]
  const heads = all.flatMap(({ head, hosts }) => [head, ...hosts.map((each) => each.head)])
  const newest = [config, ...heads].reduce((best, each) => {
    return each !== null && (best === null || isBefore(best, each)) ? each : best
  }, null)
  const isInLayout = layout === null ? null : service !== null && layout.has(service)
  return {
    ...{ host, object, isInLayout, name: shownName(container) },
    config: config.hosts[host]?.[object],
    configVersion: config.version,
    newest: newest ?? config,
    said: said.get(host) ?? { failure: 'it was not asked: --host, or --all-hosts' },
    heard: all.flatMap(({ hosts }) => hosts).find((each) => each.host === host),
    ports: publishedPorts(config, { host, object }),
  }
}

function reachLinks(
  asker: Asker | null,
  container: KnownContainer,
  config: Config,
  said: SaidByHost,
): readonly Link[] {
  if (asker === null) return []
  const asked = { ...container, name: serviceName(container) }
  const tunnel = tunnelLink(asker, asked, statuses(said))
  const policy = policyLink(config, asker, asked)
  return tunnel === null ? [policy] : [tunnel, policy]
}

async function logOf(
  { hosts }: Scope,
  { host, object }: KnownContainer,
): Promise<readonly string[]> {
  const at = hosts.find(({ name }) => name === host)
  if (at === undefined) return []
  try {
    return await lastLines(await at.session(), object)
  } catch (error) {
    if (error instanceof Failure) return []
    throw error
  }
}

interface Absence {
  readonly known: readonly KnownContainer[]
  readonly all: readonly KnownContainer[]
  readonly layout: ReadonlySet<string> | null
  readonly scope: Scope
}

/** No container of the hosts that are asked has the name. */
function explainAbsence(session: Session, word: string, absence: Absence): void {
  const { known, all, layout, scope } = absence
  const inLayout = [...(layout ?? [])].filter((each) => each === word || each.endsWith(`/${word}`))
  const [name] = inLayout
  if (all.length > 0 || name === undefined) {
    throw noSuchContainer(word, [...known.map(serviceName), ...(layout ?? [])], all)
  }
  const links: readonly Link[] = [
    { link: 'layout', state: 'ok', text: 'the layout has it', hint: null },
    {
      ...{ link: 'config', state: 'broken' },
      text: `version ${scope.config.version}, which is in force, does not have it`,
      hint: 'covey plan shows what is not applied, covey apply applies it',
    },
  ]
  tell(session, [{ host: '', object: '', name, links, log: [] }])
}

function tell(session: Session, found: readonly Found[]): void {
  const { paint } = session
  const tones = { ok: 'good', broken: 'bad', unknown: 'quiet' } as const
  const lines = found.flatMap(({ host, name, links, log }) => [
    paint('strong', host === '' ? name : `${name} on ${host}`),
    ...links.flatMap(({ link, state, text, hint }) => [
      `  ${paint(tones[state], state.padEnd(7))}  ${link.padEnd(9)}  ${text}`,
      ...(hint === null ? [] : [`  hint: ${hint}`]),
    ]),
    ...(log.length === 0 ? [] : ['  its last lines:', ...log.map((line) => `    ${line}`)]),
  ])
  const isWell = found.every(({ links }) => links.every(({ state }) => state !== 'broken'))
  session.result({ well: isWell, containers: found }, `${lines.join('\n')}\n`)
  if (!isWell) throw new ExitWith(1)
}
