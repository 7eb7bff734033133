import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { suite, type TestContext, test } from 'node:test'
import { createSandbox } from '../../../machine/images/unpack/sandbox.ts'
import { afterwards, temporaryFolder } from '../../temporary.ts'

/** Numbers of capability(7), by their names in `sandbox.ts`. */
const capabilities = { chown: 0, dac_override: 1, fowner: 3, fsetid: 4, mknod: 27, setfcap: 31 }
const sysAdmin = 21

/** A shell in a sandbox, which waits; `pid` is its own, as this host has it. */
async function inside(
  t: TestContext,
  access: 'read' | 'write',
  mayMarkOverlay: boolean = false,
): Promise<{ readonly pid: number; readonly target: string }> {
  const work = await temporaryFolder(t)
  const target = join(work, 'target')
  mkdirSync(target)
  const sandbox = await createSandbox(join(work, 'sandbox'))
  const command = ['sh', '-c', 'echo ready; read line'] as const
  const child = sandbox.start({ target, access, mayMarkOverlay, command })
  afterwards(t, async () => {
    child.process.stdin.end('\n')
    await child.ended.catch(() => undefined)
  })
  await new Promise<void>((resolve, reject) => {
    child.process.stdout.once('data', () => resolve())
    child.ended.then(() => reject(new Error('it has ended')), reject)
  })
  const outer = child.process.pid
  const [pid] = readFileSync(`/proc/${outer}/task/${outer}/children`, 'utf8').trim().split(' ')
  return { pid: Number(pid), target }
}

function statusOf(pid: number): ReadonlyMap<string, string> {
  const lines = readFileSync(`/proc/${pid}/status`, 'utf8').trim().split('\n')
  return new Map(lines.map((line) => [line.split(':')[0] ?? '', line.split(':\t')[1] ?? '']))
}

function maskOf(numbers: readonly number[]): string {
  const mask = numbers.reduce((all, number) => all | (1n << BigInt(number)), 0n)
  return mask.toString(16).padStart(16, '0')
}

/**
 * Mounts by their places, each with its options; a later one at the same place hides the former.
 */
function mountsOf(pid: number): ReadonlyMap<string, readonly string[]> {
  const lines = readFileSync(`/proc/${pid}/mountinfo`, 'utf8').trim().split('\n')
  return new Map(
    lines.map((line) => {
      const [, , , , place = '', options = ''] = line.split(' ')
      return [place, options.split(',')]
    }),
  )
}

suite('a program in the sandbox', () => {
  test('has namespaces of its own, and no network', async (t) => {
    const { pid } = await inside(t, 'write')
    for (const kind of ['net', 'mnt', 'pid', 'ipc', 'uts']) {
      const [own, ours] = [pid, 'self'].map((each) => readlinkSync(`/proc/${each}/ns/${kind}`))
      assert.notEqual(own, ours, kind)
    }
    const links = readFileSync(`/proc/${pid}/net/dev`, 'utf8').trim().split('\n').slice(2)
    assert.deepEqual(
      links.map((line) => line.split(':')[0]?.trim()),
      ['lo'],
    )
    assert.equal(readFileSync(`/proc/${pid}/net/route`, 'utf8').trim().split('\n').length, 1)
  })

  for (const mayMarkOverlay of [false, true]) {
    const more = mayMarkOverlay ? [sysAdmin] : []
    const said = mayMarkOverlay ? 'and overlay attributes' : 'and nothing else'
    test(`has the capabilities that unpacking takes, ${said}`, async (t) => {
      const { pid } = await inside(t, 'write', mayMarkOverlay)
      const status = statusOf(pid)
      const wanted = maskOf([...Object.values(capabilities), ...more])
      for (const set of ['CapBnd', 'CapEff', 'CapPrm']) assert.equal(status.get(set), wanted, set)
      for (const set of ['CapInh', 'CapAmb']) assert.equal(status.get(set), maskOf([]), set)
      assert.equal(status.get('NoNewPrivs'), '1')
    })
  }

  for (const access of ['read', 'write'] as const) {
    test(`sees the programs and its target, to ${access}, and nothing else`, async (t) => {
      const { pid } = await inside(t, access)
      const mounts = mountsOf(pid)
      const programs = ['/', '/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32']
      for (const [place, options] of mounts) {
        assert.ok([...programs, '/target'].includes(place), `${place} is mounted`)
        assert.ok(options.includes(place === '/target' && access === 'write' ? 'rw' : 'ro'), place)
      }
      const target = mounts.get('/target') ?? []
      for (const option of ['nodev', 'nosuid', 'noexec']) assert.ok(target.includes(option), option)
      assert.ok(mounts.has('/usr'))
    })
  }
})
