import { cp, mkdir, rename } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'
import { type Outcome, openCluster, type Workspace } from './workspace.ts'

/** Alice with the first key, and Bob with his own key and his own copy of the folder. */
export interface TwoOperators {
  readonly alice: Workspace
  readonly bobDir: string
  /** Runs a command as Bob; fails the test unless it succeeds. */
  bob(...argv: readonly string[]): Promise<string>
  asBob(...argv: readonly string[]): Promise<Outcome>
}

/** Both may sign both kinds of document; `threshold` of them must. */
export async function openTwoOperators(
  context: TestContext,
  threshold: 1 | 2,
): Promise<TwoOperators> {
  const alice = await openCluster(context)
  const base = dirname(alice.dir)
  const bobDir = join(base, 'bob')
  const bobKeys = join(base, 'bob-keys')
  const recovery = 'home.recovery.jwk.json'
  await mkdir(bobKeys)
  await rename(join(alice.keyDir, recovery), join(base, recovery))
  const places = ['--key-dir', bobKeys, '--dir', bobDir]
  await alice.must('key', 'new', 'bob', '--key-dir', bobKeys)
  await alice.write('bob.json', await alice.must('key', 'show', 'bob', '--key-dir', bobKeys))
  const asBob = (...argv: readonly string[]): Promise<Outcome> => alice.covey([...argv, ...places])
  await alice.must('operator', 'add', 'bob', '--key', 'bob.json', '-o', 'r2.json')
  await cp(alice.dir, bobDir, { recursive: true })
  if (threshold === 2) {
    await alice.must(
      'root',
      'rotate',
      '--threshold-root',
      '2',
      '--threshold-config',
      '2',
      '-o',
      'w',
    )
    await alice.must('root', 'sign', 'w', ...places, '-o', 'w')
    await alice.must('root', 'sign', 'w', '-o', 'w')
  }
  const bob = async (...argv: readonly string[]): Promise<string> => {
    const { exit, out, err } = await asBob(...argv)
    if (exit !== 0) throw new Error(`bob: covey ${argv.join(' ')}: ${exit}\n${err}${out}`)
    return out
  }
  return { alice, bobDir, bob, asBob }
}
