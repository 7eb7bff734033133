/**
 * The size of a test: what `variable` says, or `long` in `npm run test:long`, or else `usual`,
 * which is a sample that every `npm test` can afford.
 */
export function sizeOf(variable: string, usual: number, long: number): number {
  const said = process.env[variable]
  if (said !== undefined) return Number(said)
  return process.env['COVEY_LONG'] === '1' ? long : usual
}
