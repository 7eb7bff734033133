import { spawn } from 'node:child_process'
import type { TestContext } from 'node:test'
import { afterwards } from '../../temporary.ts'

/**
 * A process of its own that puts a link to `target` in the place of `path` and takes it away again,
 * as fast as it can, until the test is over. Resolves once it has done so for the first time.
 */
export async function flip(t: TestContext, path: string, target: string): Promise<void> {
  const script = `
    const { renameSync, symlinkSync, rmSync, writeSync } = require('node:fs')
    const [path, target] = process.argv.slice(1)
    for (let turn = 0; ; turn++) {
      renameSync(path, path + '.aside')
      symlinkSync(target, path)
      if (turn === 0) writeSync(1, 'flips')
      rmSync(path)
      renameSync(path + '.aside', path)
    }`
  const child = spawn(process.execPath, ['-e', script, path, target], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  afterwards(t, async () => {
    child.kill('SIGKILL')
    await ended
  })
  await new Promise((resolve) => child.stdout.once('data', resolve))
}
