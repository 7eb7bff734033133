import { setTimeout as sleep } from 'node:timers/promises'
import { type Envelope, parseEnvelope } from '../../protocol/documents/envelope.ts'
import { faultText } from '../../protocol/fault.ts'
import { compareHeads } from '../../protocol/heads.ts'
import { rootsAfter } from '../../protocol/node/chain.ts'
import { ask } from '../agent-client/client.ts'
import { askStatus, type Status } from '../agent-client/status.ts'
import { type OperatorFolder, openFolder } from '../folder/folder.ts'
import { newestConfig, recordConfig } from '../folder/history.ts'
import { arrivalMsMax, lookMs } from '../limits.ts'
import { makeConfig } from '../signing/make-config.ts'
import { envelopeOf } from '../signing/root-proof.ts'
import { type VerifiedConfig, verifyConfig } from '../signing/verify.ts'
import { Failure } from '../terminal/failure.ts'
import type { Session } from '../terminal/session.ts'
import { counted } from '../terminal/style.ts'
import { compileChecked } from './compile.ts'
import type { Input } from './definition.ts'
import { deliver, expectOutput } from './deliver.ts'
import { injectDelivery, type Verdict } from './inject.ts'
import { signSwitches } from './sign.ts'

/** `covey apply`: the layout, all the way to the hosts. */
export async function applyLayout(session: Session, input: Input): Promise<void> {
  const folder = await openFolder(session)
  const offline = input.is('offline')
  if (!offline && input.text('output') !== undefined) {
    throw new Failure(2, 'usage', '-o goes with --offline', {
      hint: 'covey apply --offline -o FILE',
    })
  }
  const { hosts, warnings, cluster } = await compileChecked(session, folder.shown('cluster.yaml'))
  if (cluster !== folder.chain.cluster) {
    const message = `cluster.yaml is of "${cluster}", this folder "${folder.chain.cluster}"`
    throw new Failure(2, 'other-cluster', message, {
      hint: `set it back: cluster: ${folder.chain.cluster}`,
    })
  }
  await expectOutput(session, input)
  const epoch = offline ? null : await catchUp(session, folder)
  const newest = await newestConfig(folder)
  const unchanged =
    newest !== null && isSame(newest, hosts) && newest.head.epoch === folder.chain.newest.epoch
  if (!offline && !input.is('yes')) await confirm(session, folder, unchanged ? newest : null, hosts)
  const switches = await signSwitches(session, folder, input)
  const options = { ...switches, withOthers: offline }
  const draft = { hosts, others: {}, allowIsolation: [], version: undefined }
  const signed = unchanged ? newest : await makeConfig(session, folder, draft, options)
  if (offline) return await deliver(session, folder, input, signed)
  if (unchanged) session.note('nothing has changed since it was signed; sending it again')
  else session.note(`signed version ${signed.head.version}`)
  const roots = rootsFrom(folder, epoch)
  const verdict = await injectDelivery(session, { roots, config: signed.envelope }, options)
  // Commander turns `--no-wait` into `wait: false`.
  const waits = input.is('wait')
  session.note(verdict.message)
  const arrived = waits ? await watchArrival(session, signed, verdict) : null
  const { head } = signed
  session.result(
    {
      verdict: verdict.verdict,
      code: verdict.code,
      message: verdict.message,
      head,
      arrived,
      warnings,
    },
    waits ? `version ${head.version} is on ${counted(arrived?.length ?? 0, 'host')}\n` : '',
  )
}

/** The roots that a node of an older epoch lacks; without a config it may lack all but root 1. */
function rootsFrom({ chain }: OperatorFolder, epoch: number | null): readonly Envelope[] {
  const { held: roots, rivals } = chain
  const from = epoch ?? 1
  if (from >= chain.newest.epoch) return []
  // Where a fork was settled the node may hold either side of it, and needs the other one.
  const forked = rivals.some((rival) => rival.root.epoch === from)
  return rootsAfter({ roots, rivals }, forked ? from - 1 : from).map(envelopeOf)
}

function isSame(newest: VerifiedConfig, hosts: object): boolean {
  return JSON.stringify(newest.config.hosts) === JSON.stringify(hosts)
}

async function confirm(
  session: Session,
  folder: OperatorFolder,
  again: VerifiedConfig | null,
  hosts: object,
): Promise<void> {
  if (!session.io.canAsk) {
    throw new Failure(2, 'not-confirmed', 'nobody is there to ask', {
      hint: 'say yes beforehand: covey apply --yes',
    })
  }
  const what =
    again === null
      ? 'Sign and send'
      : `Nothing has changed. Send version ${again.head.version} again`
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

/**
 * Takes a newer config of the cluster, which another operator signed, into the history, so that the
 * next one follows it. Gives the epoch of the node, or null where it has no config yet. Throws
 * `Failure` `fork` where two different ones hold one place.
 */
async function catchUp(session: Session, folder: OperatorFolder): Promise<number | null> {
  const answer = await ask(session, { method: 'GET', path: '/v1/config' })
  if (answer.status === 404) return null
  const envelope = parseEnvelope(answer.text)
  if (!envelope.ok)
    throw new Failure(1, 'answer-broken', `the agent's config: ${faultText(envelope.fault)}`)
  const theirs = await verifyConfig(envelope.value, folder.chain)
  if (!theirs.ok) {
    throw new Failure(4, theirs.fault.code, `the agent's config: ${faultText(theirs.fault)}`, {
      hint:
        theirs.fault.code === 'epoch-unknown'
          ? 'take the newer root in: covey root sign DELIVERY, from whoever rotated it'
          : 'is this the folder of the cluster that the agent belongs to?',
    })
  }
  const ours = await newestConfig(folder)
  const { head } = theirs.value
  if (ours !== null && compareHeads(ours.head, head) === 0) return head.epoch
  const ahead =
    ours === null || compareHeads({ ...ours.head, digest: '' }, { ...head, digest: '' }) < 0
  if (ahead) {
    await recordConfig(folder.dir, head, theirs.value.envelope)
    session.note(`took version ${head.version} of another operator into the history`)
    return head.epoch
  }
  if (ours.head.version !== head.version || ours.head.epoch !== head.epoch) return head.epoch
  const message = `version ${head.version} was signed twice: the node's is not that of this folder`
  throw new Failure(4, 'fork', message, {
    hint: 'covey config show --signed > theirs.json, then covey sign CONFIG --base theirs.json',
  })
}

/** Waits until every host of the config holds it. Throws `Failure` `not-arrived` after 30 s. */
async function watchArrival(
  session: Session,
  signed: VerifiedConfig,
  verdict: Verdict,
): Promise<readonly string[]> {
  const { digest, version } = signed.head
  if (verdict.head?.digest !== digest) return []
  const wanted = Object.keys(signed.config.hosts).sort()
  const arrived = new Set<string>()
  const signal = session.io.interrupted()
  const until = session.io.now() + arrivalMsMax
  for (;;) {
    const { status } = await askStatus(session)
    for (const host of holders(status, digest)) {
      if (!wanted.includes(host) || arrived.has(host)) continue
      arrived.add(host)
      session.note(`${host}: holds version ${version} (${arrived.size}/${wanted.length})`)
    }
    if (arrived.size === wanted.length) return [...arrived].sort()
    if (session.io.now() >= until || signal.aborted) break
    await sleep(lookMs, undefined, { signal }).catch(() => undefined)
  }
  const missing = wanted.filter((host) => !arrived.has(host)).join(', ')
  const why = signal.aborted ? 'you stopped waiting' : `after ${arrivalMsMax / 1000} s`
  throw new Failure(
    1,
    'not-arrived',
    `${why}, version ${version} is not known to be on ${missing}`,
    {
      hint: 'it goes on by itself, and reaches them when they are back: covey status --watch',
    },
  )
}

function holders(status: Status, digest: string): readonly string[] {
  return status.hosts.filter((host) => host.head?.digest === digest).map((host) => host.host)
}
