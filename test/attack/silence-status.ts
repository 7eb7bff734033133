import { join } from 'node:path'
import type { VirtualHost } from '../lab/host.ts'
import type { Attack, AttackEnd } from './attack.ts'
import { nodePath, type OverlayCluster, placeOf, startOverlayCluster } from './overlay-cluster.ts'

const script = join(import.meta.dirname, '../lab/member.ts')
const identity = '/var/lib/covey/identity.json'
/** One more, and the victim's next record has no number that a reader takes. */
const nearTheEnd = Number.MAX_SAFE_INTEGER - 1
const shownMsMax = 60_000

/** Speaks to a host as the member that was taken over. */
async function say(
  cluster: OverlayCluster,
  from: VirtualHost,
  to: VirtualHost,
  message: object,
): Promise<string> {
  const { address, port, peerId } = placeOf(cluster, to)
  const place = [address, port, peerId, cluster.clusterId, identity]
  const printed = await from.must(nodePath, [script, ...place, JSON.stringify([message])])
  return JSON.parse(printed).end
}

/** Resolves to true if another host shows within a minute what the victim applies next. */
async function isShown(
  { lab }: OverlayCluster,
  victim: VirtualHost,
  observer: VirtualHost,
): Promise<boolean> {
  const version = await lab.operator.release(await lab.operator.hosts(), victim)
  await victim.waitFor(`has applied ${version}`, (status) => status.applied?.version === version)
  const shown = observer.waitFor(
    `shows that ${victim.name} has applied ${version}`,
    ({ hosts }) =>
      hosts.some(({ host, applied }) => host === victim.name && applied?.version === version),
    shownMsMax,
  )
  return await shown.then(
    () => true,
    () => false,
  )
}

/** A member that lies about another host's status numbers, unsigned and signed by itself. */
async function run(): Promise<AttackEnd> {
  const cluster = await startOverlayCluster(3)
  try {
    const [victim, attacker, observer] = cluster.hosts as [VirtualHost, VirtualHost, VirtualHost]
    await attacker.stopAgent()
    const digest = { kind: 'status-digest', known: [[victim.name, nearTheEnd]] }
    const record = {
      host: victim.name,
      peer_id: placeOf(cluster, attacker).peerId,
      sequence: nearTheEnd,
      state: 'in-sync',
      head: null,
      applied: null,
      objects: { converged: 1, pending: 0, failed: 0, unsupported: 0 },
      alarms: [],
    }
    // The script signs what has no signature yet.
    const signed = { kind: 'status', records: [{ text: JSON.stringify(record), signature: '' }] }
    const ends: string[] = []
    for (const to of [victim, observer]) {
      for (const message of [digest, signed]) ends.push(await say(cluster, attacker, to, message))
    }
    const running = await isShown(cluster, victim, observer)
    await victim.kill9()
    await victim.startAgent()
    ends.push(await say(cluster, attacker, victim, digest))
    const restarted = await isShown(cluster, victim, observer)
    const shown = (is: boolean): string => (is ? 'shown' : 'never shown')
    return {
      held: running && restarted,
      seen:
        `5 lies near 2^53 (${[...new Set(ends)].join(', ')}); what ${victim.name} applies after ` +
        `is ${shown(running)}, and after its restart ${shown(restarted)}`,
    }
  } finally {
    cluster.lab.close()
  }
}

/** F4: a member silences the status of another host for good. */
export const silenceStatus: Attack = {
  name: 'silence-status',
  from: 'a member whose agent was replaced',
  wants: 'another host to be shown to all as it once was',
  run,
}
