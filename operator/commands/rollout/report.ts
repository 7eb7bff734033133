import { planJson } from '../../diff/plan-json.ts'
import type { Session } from '../../terminal/session.ts'
import { counted } from '../../terminal/style.ts'
import type { Proposal } from './proposal.ts'
import type { Released } from './release.ts'

/** Says how a release ended: the truth in one line, then who has not heard of it. */
export function report(
  session: Session,
  {
    released: { verdict, signed, watched, audience },
    proposal: { before, plan },
    warnings,
  }: {
    readonly released: Released
    readonly proposal: Proposal
    readonly warnings: readonly string[]
  },
): void {
  const { head } = signed
  const unseen = audience.unseen.filter((host) => !watched?.arrived.includes(host))
  const waiting = watched === null ? null : unseen
  const silent = watched === null ? [] : audience.silent
  const open = unseen.map((host) => `${host} (never seen; enrol it with covey bundle)`)
  const lines =
    watched === null
      ? []
      : [
          `version ${head.version} runs on ${counted(watched.hosts.length, 'host')}, ` +
            'and everything is well\n',
          open.length === 0 ? '' : `waiting for: ${open.join(', ')}\n`,
          silent.length === 0
            ? ''
            : `silent before, and not waited for: ${silent.join(', ')}; they take it once they are back\n`,
        ]
  const wanted = new Set(Object.keys(signed.config.hosts))
  const arrived = watched?.arrived.filter((host) => wanted.has(host)) ?? null
  const { verdict: name, code, message } = verdict
  const version = before.aud === '' ? null : before.version
  session.result(
    {
      ...{ verdict: name, code, message, head, arrived },
      ...{ waiting_for: waiting, silent, warnings, plan: planJson(plan, version) },
    },
    lines.join(''),
  )
}
