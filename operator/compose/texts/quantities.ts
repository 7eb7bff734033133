const secondsOf: Readonly<Record<string, number>> = {
  ns: 1e-9,
  us: 1e-6,
  µs: 1e-6,
  ms: 1e-3,
  s: 1,
  m: 60,
  h: 3600,
  d: 86_400,
  w: 604_800,
}

/** Seconds of a duration as `1m30s`, `1.5h`, `250ms`, `2d`; undefined where it is none. */
export function parseSeconds(text: string): number | undefined {
  if (text === '0') return 0
  const parts = [...text.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|[smhdw])/g)]
  if (parts.length === 0 || parts.map(([part]) => part).join('') !== text) return undefined
  let seconds = 0
  for (const [, number = '', unit = ''] of parts) seconds += Number(number) * (secondsOf[unit] ?? 0)
  // Sums of fractions of a second are no more exact than a nanosecond.
  return Math.round(seconds * 1e9) / 1e9
}

/** Bytes of a size as `512m`, `1.5 GiB`, `64kb` or a number; units are powers of 1024. */
export function parseByteSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?) ?(?:([kmgtp])i?b?|b)?$/i.exec(text.trim())
  if (match === null) return undefined
  const [, number = '', unit = ''] = match
  const power = unit === '' ? 0 : 'kmgtp'.indexOf(unit.toLowerCase()) + 1
  const bytes = Math.floor(Number(number) * 1024 ** power)
  return Number.isSafeInteger(bytes) ? bytes : undefined
}
