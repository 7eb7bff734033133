import type { VerdictSummary } from '../../../protocol/api/verdict.ts'
import type { Envelope } from '../../../protocol/documents/envelope.ts'
import { rootsAfter } from '../../../protocol/node/chain.ts'
import { type OperatorFolder, openFolder } from '../../folder/folder.ts'
import { newestConfig } from '../../folder/history.ts'
import { makeConfig, type SignOptions } from '../../signing/make-config.ts'
import { envelopeOf } from '../../signing/root-proof.ts'
import type { VerifiedConfig } from '../../signing/verify.ts'
import { Failure } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import { counted } from '../../terminal/style.ts'
import type { Input } from '../definition.ts'
import { deliver, expectOutput } from '../trust/deliver.ts'
import { type Arrival, knownHosts, watchArrival } from './arrival.ts'
import { compileChecked } from './compile.ts'
import { injectDelivery } from './inject.ts'
import { lookAtNode, type NodeLook } from './look-at-node.ts'
import { signSwitches } from './sign.ts'

/** `covey apply`: compiles the layout, signs it and sends it to the hosts. */
export async function applyLayout(session: Session, input: Input): Promise<void> {
  const folder = await openFolder(session)
  const offline = input.is('offline')
  if (!offline && input.text('output') !== undefined) {
    throw new Failure(2, 'usage', '-o goes with --offline', {
      hint: 'covey apply --offline -o FILE',
    })
  }
  const compiled = await compileChecked(session, folder.shown('cluster.yaml'))
  if (compiled.cluster !== folder.chain.cluster) {
    const message = `cluster.yaml is for "${compiled.cluster}", this folder for "${folder.chain.cluster}"`
    throw new Failure(2, 'other-cluster', message, {
      hint: `set it back: cluster: ${folder.chain.cluster}`,
    })
  }
  await expectOutput(session, input)
  if (offline) await signOffline(session, folder, input, compiled)
  else await send(session, folder, input, compiled)
}

type Compiled = Awaited<ReturnType<typeof compileChecked>>

async function signOffline(
  session: Session,
  folder: OperatorFolder,
  input: Input,
  { hosts }: Compiled,
): Promise<void> {
  const newest = await newestConfig(folder)
  const options = { ...(await signSwitches(session, folder, input)), withOthers: true }
  const same = unchanged(folder, newest, hosts)
  await deliver(
    session,
    folder,
    input,
    same ?? (await makeConfig(session, folder, draftOf(hosts), options)),
  )
}

async function send(
  session: Session,
  folder: OperatorFolder,
  input: Input,
  { hosts, warnings }: Compiled,
): Promise<void> {
  const look = await lookAtNode(session, folder)
  const switches = await signSwitches(session, folder, input)
  expectSuccession(look, switches)
  const { says, mustSign, kind } = look.succession
  if (says !== null) session.note(says)
  const again = mustSign ? null : unchanged(folder, look.newest, hosts)
  if (!input.is('yes')) await confirm(session, folder, { again, kind, hosts })
  const options = { ...switches, ...signing(look) }
  const signed = again ?? (await makeConfig(session, folder, draftOf(hosts), options))
  session.note(again === null ? `signed version ${signed.head.version}` : againText(kind))
  const roots = rootsFrom(folder, look.head?.head.epoch ?? null)
  const verdict = await injectDelivery(
    session,
    { roots, config: signed.envelope },
    // The versions in the gap were signed in this folder, or are left out on purpose and reported.
    { ...switches, allowGap: switches.allowGap || kind === 'unsent' || kind === 'branch' },
  )
  session.note(verdict.message)
  // Commander turns `--no-wait` into `wait: false`.
  const { host } = look.status
  const hears = Object.hasOwn(signed.config.hosts, host)
  const waits = input.is('wait') && verdict.head?.digest === signed.head.digest && hears
  if (!hears) session.note(`${host} is not in it and cannot report who holds it: ask another host`)
  const arrival = waits ? await watchArrival(session, signed, knownHosts(look.status)) : null
  report(session, { verdict, signed, arrival, warnings })
}

function report(
  session: Session,
  {
    verdict: { verdict, code, message },
    signed: { head },
    arrival,
    warnings,
  }: {
    readonly verdict: VerdictSummary
    readonly signed: VerifiedConfig
    readonly arrival: Arrival | null
    readonly warnings: readonly string[]
  },
): void {
  const { arrived = null, unseen = null } = arrival ?? {}
  const open = unseen?.map((host) => `${host} (never seen; enrol it with covey bundle)`) ?? []
  const lines = [
    arrived === null ? '' : `version ${head.version} is on ${counted(arrived.length, 'host')}\n`,
    open.length === 0 ? '' : `waiting for: ${open.join(', ')}\n`,
  ]
  session.result(
    { verdict, code, message, head, arrived, waiting_for: unseen, warnings },
    lines.join(''),
  )
}

/** Refuses, before a version is taken, what looks like a mistake. */
function expectSuccession({ succession }: NodeLook, { allowGap }: SignOptions): void {
  if (succession.kind !== 'unknown' || allowGap) return
  throw new Failure(4, 'gap', succession.says ?? '', {
    hint: 'name a host that is up to date with --to; if this one is far behind: --allow-gap',
  })
}

/** Options for `makeConfig` that place a config after the head of the node. */
function signing({ head, succession: { base } }: NodeLook): Partial<SignOptions> {
  const held = head === null ? {} : { held: head }
  return base === undefined ? held : { ...held, base, passesOver: true }
}

function draftOf(hosts: Compiled['hosts']): Parameters<typeof makeConfig>[2] {
  return { hosts, others: {}, allowIsolation: [], version: undefined }
}

/** The newest config of the history, if it equals the compiled layout. */
function unchanged(
  { chain }: OperatorFolder,
  newest: VerifiedConfig | null,
  hosts: object,
): VerifiedConfig | null {
  if (newest === null || newest.head.epoch !== chain.newest.epoch) return null
  return JSON.stringify(newest.config.hosts) === JSON.stringify(hosts) ? newest : null
}

function againText(kind: NodeLook['succession']['kind']): string {
  return kind === 'unsent'
    ? 'the layout has not changed since that was signed; sending it'
    : 'nothing has changed since it was signed; sending it again'
}

/** The roots that a node of an older epoch lacks; without a config it may lack all but root 1. */
function rootsFrom({ chain }: OperatorFolder, epoch: number | null): readonly Envelope[] {
  const { held: roots, rivals } = chain
  const from = epoch ?? 1
  if (from >= chain.newest.epoch) return []
  // After a fork was settled, the node may hold either side of it, and needs the other one.
  const forked = rivals.some((rival) => rival.root.epoch === from)
  return rootsAfter({ roots, rivals }, forked ? from - 1 : from).map(envelopeOf)
}

/** The subject of the question to a person. */
interface Question {
  /** A config that is sent again as signed; null if a new one is to be signed. */
  readonly again: VerifiedConfig | null
  readonly kind: NodeLook['succession']['kind']
  readonly hosts: object
}

async function confirm(
  session: Session,
  folder: OperatorFolder,
  { again, kind, hosts }: Question,
): Promise<void> {
  if (!session.io.canAsk) {
    throw new Failure(2, 'not-confirmed', 'there is nobody to ask', {
      hint: 'confirm beforehand: covey apply --yes',
    })
  }
  const sending =
    kind === 'unsent'
      ? `Send version ${again?.head.version}`
      : `Nothing has changed. Send version ${again?.head.version} again`
  const what = again === null ? 'Sign and send' : sending
  const to = `${folder.chain.cluster} (${counted(Object.keys(hosts).length, 'host')})`
  let reply: string
  try {
    reply = await session.io.ask(`${what} to ${to}? [y/N] `)
  } catch {
    reply = ''
  }
  if (/^y(es)?$/i.test(reply.trim())) return
  throw new Failure(1, 'not-confirmed', 'not sent: you did not say yes')
}
