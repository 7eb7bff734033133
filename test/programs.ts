import { join } from 'node:path'

/**
 * The main file of a program, to be run by Node: that of the bundle which `npm test` makes, as it
 * starts in a third of the time; the sources' where a test file is run alone.
 */
export function programFile(name: 'agent' | 'operator'): string {
  const launcher = process.env['COVEY_TEST_BUILD']
  return launcher === undefined || launcher === ''
    ? join(import.meta.dirname, '..', name, 'main.ts')
    : join(launcher, '../../dist', `${name}.js`)
}
