import { globSync } from 'node:fs'
import { join } from 'node:path'
import { stdout } from 'node:process'
import { run } from 'node:test'
import { spec } from 'node:test/reporters'

/**
 * All test files, in the order in which a person wants to hear of them: what needs neither root nor
 * a lab first, over in about a minute; then the labs, which take longest; then the rest.
 */
const ranks: readonly RegExp[] = [
  /^test\/(check|tidy|setup)\.test\.ts$/,
  /^test\/(protocol|operator|simulations|crash|samples|tidy)\//,
  /^test\/lab\//,
]

function rankOf(file: string): number {
  const found = ranks.findIndex((each) => each.test(file))
  return found < 0 ? ranks.length : found
}

const root = join(import.meta.dirname, '..')
const files = globSync('test/**/*.test.ts', { cwd: root })
  .sort()
  .sort((a, b) => rankOf(a) - rankOf(b))
  .map((file) => join(root, file))

/** The time limit is for one file, and only there so that a hang ends with a name. */
const timeout = 900_000
/**
 * Each file makes its own namespaces, and labs wait nine tenths of their time: five of them keep
 * two processors at work.
 */
const concurrency = Number(process.env['COVEY_TEST_CONCURRENCY'] ?? 5)

run({ files, concurrency, timeout })
  .on('test:fail', () => {
    process.exitCode = 1
  })
  .compose(spec)
  .pipe(stdout)
