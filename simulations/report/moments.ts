import { headText } from '../../protocol/heads.ts'
import type { Checker } from '../checks/invariants.ts'
import type { Cluster, SimHost } from '../world/cluster.ts'
import type { Watch } from '../world/watch.ts'

/** Simulated time as `  12.345 s`. */
export function timeText(ms: number): string {
  return `${(ms / 1000).toFixed(3).padStart(9)} s`
}

/** Tells each start and end of a host, each change of a head, each alarm and the violation. */
export function tellMoments(
  { world }: Cluster,
  checker: Checker,
  tell: (line: string) => void,
): Watch {
  const heads = new Map<SimHost, string>()
  let isBroken = false
  const say = (who: string, what: string): void => tell(`${timeText(world.now)}  ${who}  ${what}`)
  const look = (host: SimHost): void => {
    const head = headText(host.node?.head?.head ?? null)
    if (host.node !== null && heads.get(host) !== head) say(host.name, `holds ${head}`)
    if (host.node !== null) heads.set(host, head)
    const { violation } = checker
    if (violation === null || isBroken) return
    isBroken = true
    say(violation.host, `BREAKS ${violation.invariant}: ${violation.what}`)
  }
  return {
    started(host) {
      say(host.name, 'starts')
      look(host)
    },
    stepped: look,
    ended: (host, how) => say(host.name, how),
    effect(host, effect) {
      if (effect.kind !== 'alarm') return
      const { code, message } = effect.alarm
      say(host.name, effect.raised ? `alarm ${code}: ${message}` : `alarm ${code} is over`)
    },
  }
}
