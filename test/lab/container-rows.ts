import assert from 'node:assert/strict'
import type { ContainerRow } from '../../protocol/api/containers.ts'
import type { VirtualHost } from './host.ts'

/** The container of an object, as `covey ps --json` on its host tells of it. */
export async function rowOf(host: VirtualHost, object: string): Promise<ContainerRow> {
  const { exitCode, stdout, stderr } = await host.covey(['ps', '--json'])
  assert.equal(exitCode, 0, stderr)
  const rows: readonly ContainerRow[] = JSON.parse(stdout)
  return rows.find(({ name }) => name === object) ?? assert.fail(`no ${object} in ${stdout}`)
}

/** Process ids on a host whose command line has all these words in it. */
export async function processesWith(
  host: VirtualHost,
  ...words: readonly string[]
): Promise<readonly number[]> {
  const script = 'for each in /proc/[0-9]*; do echo "$each $(tr "\\0" " " <$each/cmdline)"; done'
  const lines = (await host.must('sh', ['-c', `${script} 2>/dev/null`])).split('\n')
  return lines
    .filter((line) => words.every((word) => line.includes(word)))
    .map((line) => Number(/^\/proc\/(\d+)/.exec(line)?.[1]))
}
