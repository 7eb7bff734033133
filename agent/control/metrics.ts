import type { StatusView } from '../../protocol/node/view.ts'

/**
 * The status in the Prometheus text format (version 0.0.4), `rssBytes` being this process's memory.
 */
export function metricsText(
  status: StatusView,
  traffic: { readonly bytesIn: number; readonly bytesOut: number },
  rssBytes: number,
): string {
  const lines: string[] = []
  const metric = (
    name: string,
    type: 'gauge' | 'counter',
    help: string,
    samples: readonly (readonly [labels: string, value: number])[],
  ): void => {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`)
    for (const [labels, value] of samples) lines.push(`${name}${labels} ${value}`)
  }
  const objects = { converged: 0, pending: 0, failed: 0, unsupported: 0 }
  for (const object of status.objects) objects[object.state]++
  const connected = status.peers.filter((peer) => peer.connected).length
  metric('covey_head_version', 'gauge', 'Version of the config that this host holds.', [
    ['', status.head?.version ?? 0],
  ])
  metric('covey_applied_version', 'gauge', 'Version of the config that this host last applied.', [
    ['', status.applied?.version ?? 0],
  ])
  metric('covey_epoch', 'gauge', 'Epoch of the config that this host holds.', [
    ['', status.head?.epoch ?? 0],
  ])
  metric('covey_peers', 'gauge', 'Listed peers, by whether they are connected.', [
    ['{connected="true"}', connected],
    ['{connected="false"}', status.peers.length - connected],
  ])
  metric(
    'covey_objects',
    'gauge',
    'Objects of this host, by state.',
    Object.entries(objects).map(([state, count]) => [`{state="${state}"}`, count] as const),
  )
  metric('covey_alarms', 'gauge', 'Alarms that are raised.', [['', status.alarms.length]])
  metric('covey_overlay_bytes_total', 'counter', 'Bytes on the overlay, by direction.', [
    ['{direction="in"}', traffic.bytesIn],
    ['{direction="out"}', traffic.bytesOut],
  ])
  metric('covey_resident_memory_bytes', 'gauge', 'Memory of the agent.', [['', rssBytes]])
  return `${lines.join('\n')}\n`
}
