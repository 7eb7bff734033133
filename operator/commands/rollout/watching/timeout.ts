import { rolloutMsMax, timeoutMsMax } from '../../../limits.ts'
import { Failure } from '../../../terminal/failure.ts'
import type { Input } from '../../definition.ts'

const units: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 }

/** The time that `--timeout` gives, in ms: `90s`, `10m`, `1h`, or seconds. */
export function timeoutOf(input: Input): number {
  const text = input.text('timeout')
  if (text === undefined) return rolloutMsMax
  const [, number, unit = 's'] = /^(\d{1,6})([smh])?$/.exec(text) ?? []
  const ms = Number(number) * (units[unit] ?? 0)
  if (number !== undefined && ms > 0 && ms <= timeoutMsMax) return ms
  throw new Failure(2, 'usage', `--timeout ${text}: this is no time up to 24 h`, {
    hint: '--timeout 90s, --timeout 10m or --timeout 1h',
  })
}
