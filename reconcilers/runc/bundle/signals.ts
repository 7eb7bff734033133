/** Numbers of signals (signal(7)) on the architectures that covey runs on. */
const numbers: ReadonlyMap<string, number> = new Map(
  [
    ...['HUP', 'INT', 'QUIT', 'ILL', 'TRAP', 'ABRT', 'BUS', 'FPE', 'KILL', 'USR1', 'SEGV', 'USR2'],
    ...['PIPE', 'ALRM', 'TERM', 'STKFLT', 'CHLD', 'CONT', 'STOP', 'TSTP', 'TTIN', 'TTOU', 'URG'],
    ...['XCPU', 'XFSZ', 'VTALRM', 'PROF', 'WINCH', 'IO', 'PWR', 'SYS'],
  ].map((name, index) => [name, index + 1]),
)

const realTimeMin = 34
const realTimeMax = 64

/**
 * Number of a signal: `SIGTERM`, `TERM`, `15`, `SIGRTMIN+3` or `SIGRTMAX-1`; undefined if it is
 * unknown.
 */
export function signalNumber(text: string): number | undefined {
  if (/^[1-9]\d?$/.test(text)) return Number(text) <= realTimeMax ? Number(text) : undefined
  const name = text.toUpperCase().replace(/^SIG/, '')
  const [, end, offset = '0'] = /^RT(MIN|MAX)(?:[+-](\d{1,2}))?$/.exec(name) ?? []
  if (end === undefined) return numbers.get(name)
  const upwards = end === 'MIN'
  if (name.includes(upwards ? '-' : '+')) return undefined
  const number = upwards ? realTimeMin + Number(offset) : realTimeMax - Number(offset)
  return number >= realTimeMin && number <= realTimeMax ? number : undefined
}
