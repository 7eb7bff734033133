import type { ContainerRow } from '../../../protocol/api/containers.ts'
import type { HostStatus, Status } from '../../../protocol/api/status.ts'
import type { ConfigObject } from '../../../protocol/documents/config.ts'
import type { Head } from '../../../protocol/heads.ts'
import { remedyFor } from '../status/state-remedies.ts'

/** One link of the chain from the layout to a container that serves. */
export interface Link {
  /** Stable name; docs/CONTAINERS.md lists them. */
  readonly link: string
  readonly state: 'ok' | 'broken' | 'unknown'
  readonly text: string
  /** On the first broken link alone. */
  readonly hint: string | null
}

/** All that is known of one container of a config. */
export interface ContainerFacts {
  readonly host: string
  readonly name: string
  readonly object: string
  /** Undefined where the config has it no more. */
  readonly config: ConfigObject | undefined
  /** Null: there is no layout here to compare with. */
  readonly isInLayout: boolean | null
  /** Version of that config. */
  readonly configVersion: number
  /** Newest head that anybody who was asked knows of. */
  readonly newest: Pick<Head, 'epoch' | 'version'>
  /** The answer of the host itself, or the reason why there is none. */
  readonly said:
    | {
        readonly status: Status
        readonly rows: readonly ContainerRow[]
        /** References of the images that it has; null where it does not say. */
        readonly images: ReadonlySet<string> | null
      }
    | { readonly failure: string }
  /** The last status of it that others have heard. */
  readonly heard: HostStatus | undefined
  /** Ports that lead to it, with the object that says so. */
  readonly ports: readonly { readonly object: string; readonly text: string }[]
}

type Said = Exclude<ContainerFacts['said'], { readonly failure: string }>

const ok = (link: string, text: string): Link => ({ link, state: 'ok', text, hint: null })
const unknown = (link: string, text: string): Link => ({ link, state: 'unknown', text, hint: null })
const broken = (link: string, text: string, hint: string): Link => {
  return { link, state: 'broken', text, hint }
}

/** The chain of a container, in the order in which its links depend on each other. Pure. */
export function linksOf(facts: ContainerFacts): readonly Link[] {
  const { said } = facts
  const links = [layoutLink(facts), configLink(facts), hostLink(facts)]
  if (!('failure' in said)) {
    links.push(appliedLink(facts, said), imageLink(facts, said), containerLink(facts, said))
    links.push(healthLink(facts, said), objectLink(facts, said), portsLink(facts, said))
  }
  return links
}

/** The same links, of which the first that is broken alone has a hint. */
export function withOneHint(links: readonly Link[]): readonly Link[] {
  const first = links.find(({ state }) => state === 'broken')
  return links.map((each) => (each === first ? each : { ...each, hint: null }))
}

function layoutLink({ isInLayout, name }: ContainerFacts): Link {
  if (isInLayout === null) return unknown('layout', 'there is no layout here to compare with')
  if (isInLayout) return ok('layout', 'the layout has it')
  return unknown('layout', `the layout has no ${name}: the next covey apply removes it`)
}

function configLink({ config, configVersion }: ContainerFacts): Link {
  const version = `version ${configVersion}`
  if (config !== undefined) return ok('config', `${version} has it`)
  const hint = 'covey plan shows what is not applied, covey apply applies it'
  return broken('config', `${version}, which is in force, does not have it`, hint)
}

function hostLink({ host, said, heard }: ContainerFacts): Link {
  const name = host === '' ? 'the host' : host
  if (!('failure' in said)) return ok('host', `${name} answers`)
  const age = heard?.age_seconds ?? null
  const last = age === null ? '' : `; others heard of it ${Math.round(age)} s ago`
  return broken('host', `${name} does not answer: ${said.failure}${last}`, hostHint(host))
}

function hostHint(host: string): string {
  return `on ${host === '' ? 'it' : host}: systemctl status covey; is the way there right (covey host list)?`
}

/** States of a host in which it works on what it holds. */
const working: readonly string[] = ['in-sync', 'degraded', 'applying', 'trial']

function appliedLink({ newest }: ContainerFacts, { status }: Said): Link {
  const { head, applied, state } = status
  if (!working.includes(state)) {
    const why = status.failed === null ? '' : `: ${status.failed.reason}`
    return broken('applied', `the host is ${state}${why}`, remedyFor(state))
  }
  if (head === null || isBefore(head, newest)) {
    const has = head === null ? 'no config' : `version ${head.version}`
    const hint = 'covey status shows whom it talks to; it needs a peer that has the newer one'
    return broken('applied', `the host holds ${has}, and ${newest.version} is the newest`, hint)
  }
  const isApplied = applied?.version === head.version && applied.digest === head.digest
  if (isApplied) return ok('applied', `version ${head.version} is applied`)
  return unknown('applied', `version ${head.version} is being applied`)
}

/** True if one head comes before another: versions begin again with each epoch. */
export function isBefore(
  one: Pick<Head, 'epoch' | 'version'>,
  other: Pick<Head, 'epoch' | 'version'>,
): boolean {
  return one.epoch < other.epoch || (one.epoch === other.epoch && one.version < other.version)
}

/** The state of the object by the host's own agent. */
function reported(object: string, { status }: Said): Status['objects'][number] | undefined {
  return status.objects.find(({ name }) => name === object)
}

function imageLink({ object, config }: ContainerFacts, said: Said): Link {
  const image = String(config?.['image'] ?? '')
  const short = image.replace(/@sha256:[0-9a-f]+$/, '')
  if (said.images === null || image === '') return unknown('image', 'the host does not say')
  if (said.images.has(image)) return ok('image', `${short} is on the host`)
  const reason = reported(object, said)?.reason
  const why = reason == null ? '' : `: ${reason}`
  const hint = `try it on the host: covey image pull ${image}`
  return broken('image', `${short} is not on the host${why}`, hint)
}

function containerLink({ object, config, name }: ContainerFacts, said: Said): Link {
  const row = said.rows.find((each) => each.name === object)
  const reason = reported(object, said)?.reason
  const why = reason == null ? '' : `: ${reason}`
  if (row === undefined) return broken('container', `there is none${why}`, 'covey status says why')
  const { state, order, exit_code: code, restarts } = row
  if (order === 'stop') {
    return broken('container', 'somebody stopped it by hand', `covey start ${name}`)
  }
  if (order === 'held') {
    const hint = 'wait until that has ended; covey events shows it'
    return broken('container', `it is kept stopped by other work, as a backup${why}`, hint)
  }
  if (state === 'running') {
    const often =
      restarts === 0 ? '' : `, restarted ${restarts === 1 ? 'once' : `${restarts} times`}`
    return ok('container', `it runs${often}`)
  }
  if (state === 'exited' && code === 0 && config?.['restart'] === 'never') {
    return ok('container', 'it has done its work, and ended with 0')
  }
  if (state === 'exited') {
    const text = `it ended with ${code ?? 'an unknown code'}${why}`
    return broken('container', text, `covey logs ${name} has all that it wrote`)
  }
  return broken(
    'container',
    `it is ${state}${why}`,
    'covey status on the host says what it waits for',
  )
}

function healthLink({ object, name }: ContainerFacts, said: Said): Link {
  const health = said.rows.find((each) => each.name === object)?.health ?? null
  if (health === null) return ok('health', 'nothing checks its health')
  if (health === 'healthy') return ok('health', 'it is healthy')
  if (health === 'starting') return unknown('health', 'it is starting')
  const reason = reported(object, said)?.reason
  const why = reason == null ? '' : `: ${reason}`
  return broken('health', `it is ${health}${why}`, `run its check by hand: covey exec ${name} -- …`)
}

function objectLink({ object }: ContainerFacts, said: Said): Link {
  const row = reported(object, said)
  if (row === undefined) return unknown('object', 'the host does not report it yet')
  if (row.state === 'converged') return ok('object', 'it is as the config wants it')
  const why = row.reason === null ? '' : `: ${row.reason}`
  const hint = 'the message says what it needs; docs/ERRORS.md has its code'
  return broken('object', `it is ${row.state}${why}`, hint)
}

function portsLink({ ports }: ContainerFacts, said: Said): Link {
  if (ports.length === 0) return ok('ports', 'none is published')
  const text = ports.map((port) => port.text).join(', ')
  for (const { object } of ports) {
    const row = reported(object, said)
    if (row === undefined || row.state === 'converged') continue
    const why = row.reason === null ? '' : `: ${row.reason}`
    const hint = 'is the port taken on the host? covey doctor there'
    return broken('ports', `${text}; ${object} is ${row.state}${why}`, hint)
  }
  return ok('ports', text)
}
