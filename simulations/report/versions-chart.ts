import type { RunResult } from '../run.ts'
import { hostName } from '../world/cluster.ts'
import type { Sample } from './samples.ts'
import { box, drawing, htmlText, label, line, plotLeft, plotRight, short } from './svg.ts'
import { phaseBands, secondsBelow, timeAxis } from './time-axis.ts'

/** Strips that one chart shows; of more hosts every n-th has one. */
const stripsMax = 48

/**
 * Colours of what hosts hold, in the order in which it appears; those of no config stand for
 * themselves.
 */
export function headColours({ samples }: RunResult): ReadonlyMap<string, string> {
  const colours = new Map<string, string>()
  for (const { heads } of samples) {
    for (const head of heads) {
      if (head === 'down' || head === 'none' || colours.has(head)) continue
      // Steps of the golden angle: neighbours in time differ, also where there are many.
      const hue = Math.round((colours.size * 137.508 + 215) % 360)
      colours.set(head, `hsl(${hue} 62% 52%)`)
    }
  }
  return colours.set('none', 'var(--none)').set('down', 'var(--down)')
}

/** Each host a strip, coloured by the config that it holds. */
export function stripsChart(result: RunResult, colours: ReadonlyMap<string, string>): string {
  const { hosts, samples } = result
  const every = Math.ceil(hosts / stripsMax)
  const shown = Array.from({ length: Math.ceil(hosts / every) }, (_, index) => index * every)
  const height = Math.max(7, Math.min(18, Math.floor(560 / shown.length)))
  const bottom = shown.length * height
  const place = timeAxis(result)
  const named = Math.ceil(11 / height)
  const strips = shown.map((host, row) => {
    const y = row * height
    const name = row % named === 0 ? label(124, y + height / 2 + 4, hostName(host), 'end') : ''
    const boxes = spans(samples, host).map(({ head, from, to }) =>
      box(
        place(from),
        y + 0.5,
        place(to) - place(from) + 0.3,
        height - 1,
        colours.get(head) ?? '',
        `${hostName(host)} ${headName(head)}, ${short(from / 1000)} to ${short(to / 1000)} s`,
      ),
    )
    return name + boxes.join('')
  })
  const body = phaseBands(result, place, bottom) + strips.join('')
  return drawing(
    bottom + 24,
    'What each host holds over time',
    body + secondsBelow(result, place, bottom),
  )
}

interface Span {
  readonly head: string
  readonly from: number
  to: number
}

/** Times during which a host held one thing. */
function spans(samples: readonly Sample[], host: number): readonly Span[] {
  const found: Span[] = []
  let from = 0
  for (const { at, heads } of samples) {
    const head = heads[host] ?? 'none'
    const last = found.at(-1)
    if (last?.head === head) last.to = at
    else found.push({ head, from, to: at })
    from = at
  }
  return found
}

/** A head in words. */
function headName(head: string): string {
  if (head === 'down') return 'is down'
  return head === 'none' ? 'holds nothing' : `holds version ${head}`
}

interface Column {
  readonly from: number
  to: number
  /** Heads and how many hosts hold each, from the oldest. */
  readonly counts: readonly (readonly [head: string, hosts: number])[]
}

/** Times during which as many hosts held the same. */
function columnsOf(
  { samples }: RunResult,
  colours: ReadonlyMap<string, string>,
): readonly Column[] {
  const columns: Column[] = []
  let [from, before] = [0, '']
  for (const { at, heads } of samples) {
    const held = new Map<string, number>()
    for (const head of heads) held.set(head, (held.get(head) ?? 0) + 1)
    const counts = [...colours.keys()].flatMap((head) => {
      const hosts = held.get(head)
      return hosts === undefined ? [] : [[head, hosts] as const]
    })
    const last = columns.at(-1)
    if (last !== undefined && before === counts.join()) last.to = at
    else columns.push({ from, to: at, counts })
    before = counts.join()
    from = at
  }
  return columns
}

/** Hosts by what they hold, stacked: one colour from top to bottom is agreement. */
export function convergenceChart(result: RunResult, colours: ReadonlyMap<string, string>): string {
  const place = timeAxis(result)
  const height = 200
  const columns = columnsOf(result, colours).map(({ from, to, counts }) => {
    const [x, width] = [place(from), place(to) - place(from)]
    const when = `${short(from / 1000)} to ${short(to / 1000)} s`
    let y = height
    return counts.map(([head, count]) => {
      const tall = (count / result.hosts) * height
      y -= tall
      const title = `${when}: ${count} of ${result.hosts} ${headName(head)}`
      return box(x, y, width, tall, colours.get(head) ?? '', title)
    })
  })
  const marks = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const y = height - share * height
    const text = label(124, y + 4, `${Math.round(share * result.hosts)} hosts`, 'end')
    return text + line(plotLeft, y, plotRight, y, 'grid')
  })
  const body = columns.flat().join('') + marks.join('')
  return drawing(
    height + 30,
    'Hosts by what they hold over time',
    `<g transform="translate(0 6)">${body}${secondsBelow(result, place, height)}</g>`,
  )
}

/** Which colour is which head; of many only the last ones. */
export function legend(colours: ReadonlyMap<string, string>): string {
  const heads = [...colours].filter(([head]) => head !== 'none' && head !== 'down')
  const most = 24
  const shown = [...heads.slice(-most), ...[...colours].slice(-2)]
  const left = heads.length - Math.min(most, heads.length)
  const entries = shown.map(([head, colour]) => {
    const text = head === 'down' ? 'host is down' : head === 'none' ? 'no config yet' : head
    return `<span><i style="background:${colour}"></i>${htmlText(text)}</span>`
  })
  const older = left > 0 ? `<span>and ${left} earlier ones</span>` : ''
  return `<p class="legend"><b>epoch.version, digest:</b> ${older}${entries.join(' ')}</p>`
}
