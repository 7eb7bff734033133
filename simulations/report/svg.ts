/** Drawing of one chart: everything in it stands in units of its view box, `chartWidth` wide. */
const chartWidth = 960
/** Room for labels on the left, and where the right margin begins. */
export const plotLeft = 132
export const plotRight = 948

/** Text as it may stand in HTML and in attributes. */
export function htmlText(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}

/** A number without needless digits. */
export function short(value: number): string {
  return String(Math.round(value * 10) / 10)
}

/** A count for people: 1.2 k, 3.4 M. */
export function countText(value: number): string {
  if (value >= 1e6) return `${short(value / 1e6)} M`
  if (value >= 1e4) return `${short(value / 1e3)} k`
  return short(value)
}

/** A whole drawing with a heading that screen readers tell. */
export function drawing(height: number, label: string, body: string): string {
  return (
    `<svg viewBox="0 0 ${chartWidth} ${height}" role="img" aria-label="${htmlText(label)}">` +
    `${body}</svg>`
  )
}

/** A text; `anchor` is where of it the position is. */
export function label(
  x: number,
  y: number,
  text: string,
  anchor: 'start' | 'middle' | 'end' = 'start',
  style = '',
): string {
  const kind = style === '' ? '' : ` class="${style}"`
  return `<text x="${short(x)}" y="${short(y)}" text-anchor="${anchor}"${kind}>${htmlText(text)}</text>`
}

/** A filled rectangle, with a text that shows where the pointer rests on it. */
export function box(
  x: number,
  y: number,
  width: number,
  height: number,
  fill: string,
  title = '',
): string {
  const inner = title === '' ? '/>' : `><title>${htmlText(title)}</title></rect>`
  const size = `width="${short(Math.max(width, 0))}" height="${short(height)}"`
  return `<rect x="${short(x)}" y="${short(y)}" ${size} fill="${fill}"${inner}`
}

/** A straight line of a style of the page. */
export function line(x1: number, y1: number, x2: number, y2: number, style: string): string {
  return `<line x1="${short(x1)}" y1="${short(y1)}" x2="${short(x2)}" y2="${short(y2)}" class="${style}"/>`
}

/** Round values from 0 to at most `most`, about `count` of them. */
export function ticksTo(most: number, count = 5): readonly number[] {
  if (most <= 0) return [0]
  const rough = most / count
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10)
  const ticks: number[] = []
  for (let tick = 0; tick <= most + step * 1e-9; tick += step) ticks.push(tick)
  return ticks
}
