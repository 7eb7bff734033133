import type { HeardEvent } from '../../../protocol/api/events.ts'
import { printable } from '../../../protocol/printable.ts'
import type { Paint, Tone } from '../../terminal/style.ts'

/** One line for people: when by this machine's clock, who, what, and what there is to add. */
export function eventText(event: HeardEvent, paint: Paint): string {
  const { who, what, tone } = partsOf(event)
  const text = printable(what)
  const said = tone === null ? text : paint(tone, text)
  return `${paint('quiet', timeText(event.at))}  ${printable(who)}: ${said}`
}

interface Parts {
  readonly who: string
  readonly what: string
  readonly tone: Tone | null
}

const calm = { tone: null } as const

/** Kinds that this version does not know are shown as they are: the agent may be newer. */
function partsOf(event: HeardEvent): Parts {
  const known = Object.hasOwn(kinds, event.event) ? kinds[event.event] : undefined
  if (known !== undefined) return known(event)
  const { event: kind, at: _at, ...rest } = event
  return { who: kind, what: JSON.stringify(rest), ...calm }
}

const kinds: Readonly<Record<string, (event: HeardEvent) => Parts>> = {
  head: ({ head }) => ({ who: 'config', what: `${versionText(head)} is held`, ...calm }),
  applied: ({ head }) => ({ who: 'config', what: `${versionText(head)} is applied`, ...calm }),
  state: ({ state }) => ({
    who: 'host',
    what: textOf(state),
    tone: state === 'in-sync' ? 'good' : state === 'applying' ? 'busy' : 'bad',
  }),
  object({ object }) {
    const { name, type, state, reason } = membersOf(object)
    const why = reason == null ? '' : ` (${textOf(reason)})`
    return {
      who: textOf(name),
      what: `${textOf(type)} ${textOf(state)}${why}`,
      tone: state === 'converged' ? 'good' : state === 'pending' ? 'busy' : 'bad',
    }
  },
  peer: ({ host, connected }) => ({
    who: textOf(host),
    what: connected === true ? 'connected' : 'disconnected',
    tone: connected === true ? 'good' : 'busy',
  }),
  alarm({ alarm, raised }) {
    const { code, message } = membersOf(alarm)
    const over = raised === true ? '' : 'over: '
    return {
      who: 'alarm',
      what: `${over}${textOf(code)}: ${textOf(message)}`,
      tone: raised === true ? 'bad' : 'good',
    }
  },
  container: ({ name, what, detail }) => ({
    who: textOf(name),
    what: withDetail(what, detail),
    tone: toneOf(what),
  }),
  image: ({ image, what, detail }) => ({
    who: textOf(image),
    what: withDetail(what, detail),
    tone: toneOf(what),
  }),
}

const badWords = ['oom', 'no-resolver', 'crash-loop', 'broken', 'unhealthy', 'failed', 'exited']
const goodWords = ['started', 'healthy', 'pulled']

function toneOf(what: unknown): Tone | null {
  if (badWords.includes(textOf(what))) return 'bad'
  return goodWords.includes(textOf(what)) ? 'good' : null
}

function withDetail(what: unknown, detail: unknown): string {
  return detail == null ? textOf(what) : `${textOf(what)} (${textOf(detail)})`
}

function versionText(head: unknown): string {
  return `version ${textOf(membersOf(head)['version'])}`
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return Object(value) as Record<string, unknown>
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '?')
}

/** `2026-01-31 12:00:00`, in the time zone of whoever looks. */
function timeText(atMs: number | undefined): string {
  if (atMs === undefined || Number.isNaN(new Date(atMs).getTime())) return '-'
  const at = new Date(atMs)
  const two = (number: number): string => String(number).padStart(2, '0')
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
}
