import { type Head, headText } from '../../protocol/heads.ts'
import { statusHostsMax } from '../../protocol/limits.ts'
import { isGreeted } from '../../protocol/node/state.ts'
import { type Cluster, hasTunnel, type SimHost } from '../world/cluster.ts'
import { type Checker, membersOf } from './invariants.ts'

/** Alarms that nothing justifies once all faults have ended. */
const passing: readonly string[] = ['isolated', 'floor-unknown', 'storage']

/** Checks every member long after the faults have ended, in all but the head itself. */
export function checkSettled(checker: Checker, cluster: Cluster, head: Head): void {
  const members = membersOf(cluster, head)
  const ids = new Set(members.map((host) => host.peerId))
  for (const host of members) {
    checkTalks(checker, cluster, host, ids)
    if (members.length <= statusHostsMax) checkStatuses(checker, host, members, head)
    for (const code of passing) {
      if (host.node?.alarms.has(`${code} `)) checker.fail(16, host, `still says ${code}`)
    }
  }
}

/** 11: whoever wants to talk to a neighbour and has a tunnel to it does. */
function checkTalks(
  checker: Checker,
  cluster: Cluster,
  host: SimHost,
  members: ReadonlySet<string>,
): void {
  for (const peerId of host.node?.neighbours ?? []) {
    const other = cluster.byPeer.get(peerId)
    if (other === undefined || !members.has(peerId) || !hasTunnel(cluster, host, other)) continue
    const peer = host.node?.peers.get(peerId)
    if (!isGreeted(peer)) {
      checker.fail(11, host, `does not talk to ${other.name}, though there is a tunnel`)
    }
  }
}

/** 5: what is shown of other hosts is what they hold. */
function checkStatuses(
  checker: Checker,
  host: SimHost,
  members: readonly SimHost[],
  head: Head,
): void {
  for (const other of members) {
    const record = host.node?.statuses.get(other.name)?.record
    if (record?.head?.digest === head.digest && record.applied?.digest === head.digest) continue
    const shown = record === undefined ? 'nothing' : headText(record.applied)
    checker.fail(5, host, `shows ${shown} of ${other.name}, which has applied ${headText(head)}`)
  }
}
