import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import type { TarEntry } from '../../platform/tar/tar-entry.ts'
import { archiveEnd, entryHeaders, padding } from '../../platform/tar/tar-writer.ts'
import { encodeFrame } from '../../protocol/exec-frames.ts'
import { openWorkspace, type Workspace } from './workspace.ts'

interface Part extends Partial<TarEntry> {
  readonly kind: TarEntry['kind']
  readonly path: string
  readonly data?: string
}

function archive(parts: readonly Part[]): Buffer {
  const blocks = parts.map(({ data = '', ...more }) => {
    const time = { seconds: 0, fraction: '', isNegative: false }
    const own = { mode: 0o644, uid: 0, gid: 0, dataBytes: data.length, time, target: '' }
    const head = entryHeaders({
      ...{ ...own, major: 0, minor: 0, xattrs: new Map(), sparse: null },
      ...more,
    })
    return Buffer.concat([head, Buffer.from(data), padding(data.length)])
  })
  return Buffer.concat([...blocks, archiveEnd])
}

const folder = (path: string): Part => ({ kind: 'folder', path: `content${path}/`, mode: 0o755 })

const ends = {
  exit: encodeFrame('exit', Buffer.from('0')),
  leave: '',
  /** A fault that is no document. */
  'odd fault': encodeFrame('fault', Buffer.from('{')),
}

/** An agent that answers a copy with these bytes, and then as it is told. */
async function lyingAgent(
  t: TestContext,
  space: Workspace,
  bytes: Uint8Array,
  end: keyof typeof ends = 'exit',
): Promise<void> {
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'application/json')
    response.end('[{"name":"web","state":"running"}]')
  })
  server.on('upgrade', (_request, socket) => {
    socket.on('error', () => {})
    socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: covey-stream\r\n')
    socket.write('connection: upgrade\r\n\r\n')
    for (let at = 0; at < bytes.length; at += 100_000) {
      socket.write(encodeFrame('stdout', bytes.subarray(at, at + 100_000)))
    }
    socket.end(ends[end])
  })
  for (const name of ['covey.sock', 'admin.sock']) {
    await new Promise<void>((resolve) => {
      if (name === 'covey.sock') server.listen(join(space.runDir, name), resolve)
      else {
        symlinkSync(join(space.runDir, 'covey.sock'), join(space.runDir, name))
        resolve()
      }
    })
  }
  t.after(() => server.close())
}

it('a fault of an unknown form is told as that, for exec as for cp', async (t) => {
  const space = await openWorkspace(t)
  await lyingAgent(t, space, new Uint8Array(0), 'odd fault')
  for (const words of [
    ['exec', 'web', '--', 'id'],
    ['cp', 'web:/x', '.'],
  ]) {
    const { exit, err } = await space.covey(words)
    assert.equal(exit, 1, err)
    assert.match(err, /the agent answered in an unknown form/)
  }
})

describe('covey cp from an agent that was taken over', () => {
  const file = { kind: 'file', path: 'content/x', data: 'planted' } as const
  const key: Part = { kind: 'file', path: 'content/link/key', data: 'planted' }
  const cases: readonly (readonly [name: string, parts: readonly Part[], err: RegExp])[] = [
    ['a path above', [folder(''), { ...file, path: 'content/../x' }], /leads out of the tree/],
    ['an absolute path', [folder(''), { ...file, path: '/tmp/x' }], /outside of the tree/],
    ['another root', [{ ...file, path: 'x' }], /outside of the tree/],
    ['a device', [{ kind: 'character-device', path: 'content' }], /is a character-device/],
    ['a FIFO', [folder(''), { kind: 'fifo', path: 'content/f' }], /is a fifo/],
    [
      'a file through a link',
      [folder(''), { kind: 'symlink', path: 'content/link', target: 'OUTSIDE' }, key],
      /cannot write|refused/,
    ],
    [
      'a link in the place of a folder that has files',
      [folder(''), folder('/link'), key, { kind: 'symlink', path: 'content/link' }],
      /cannot write|refused/,
    ],
    [
      'a hard link to a file outside',
      [folder(''), { kind: 'hardlink', path: 'content/h', target: 'content/../../secret' }],
      /leads out of the tree/,
    ],
    [
      'a hard link through a link',
      [
        folder(''),
        { kind: 'symlink', path: 'content/link', target: 'OUTSIDE' },
        { kind: 'hardlink', path: 'content/h', target: 'content/link/key' },
      ],
      /link to no file/,
    ],
    ['a file twice', [folder(''), file, { ...file, data: 'again' }], /cannot write/],
    ['nothing', [], /it is empty/],
    ['a middle without its begin', [file], /begins in its middle/],
    ['no room', [{ ...file, path: 'content', dataBytes: 2 ** 39 }], /bytes, and \d+ are free/],
  ]
  for (const [name, parts, expected] of cases) {
    it(`${name}: nothing is written`, async (t) => {
      const space = await openWorkspace(t)
      const outside = join(space.dir, 'outside')
      mkdirSync(outside)
      writeFileSync(join(outside, 'key'), 'mine')
      const sent = parts.map((part) => {
        return { ...part, target: (part.target ?? '').replace('OUTSIDE', outside) }
      })
      await lyingAgent(t, space, archive(sent))
      mkdirSync(join(space.dir, 'to'))
      const { exit, err } = await space.covey(['cp', 'web:/data', 'to'])
      assert.equal(exit, 1)
      assert.match(err, expected)
      assert.deepEqual(readdirSync(join(space.dir, 'to')), [])
      assert.equal(readFileSync(join(outside, 'key'), 'utf8'), 'mine')
      assert.deepEqual(readdirSync(space.dir).sort(), ['outside', 'to'])
    })
  }

  it('does not write through a link that an earlier copy has made', async (t) => {
    const space = await openWorkspace(t)
    mkdirSync(join(space.dir, 'outside'))
    mkdirSync(join(space.dir, 'to/data'), { recursive: true })
    symlinkSync(join(space.dir, 'outside'), join(space.dir, 'to/data/sub'))
    const inside: Part = { kind: 'file', path: 'content/sub/x', data: 'planted' }
    await lyingAgent(t, space, archive([folder(''), folder('/sub'), inside]))
    const { exit, err } = await space.covey(['cp', 'web:/data', 'to'])
    assert.match(`${exit} ${err}`, /^2 .*sub is a link\nhint: move it away/)
    assert.deepEqual(readdirSync(join(space.dir, 'outside')), [])
  })

  it('keeps nothing of what is cut off, at whatever byte', async (t) => {
    const whole = archive([folder(''), { kind: 'file', path: 'content/x', data: 'y'.repeat(900) }])
    for (const length of [0, 100, 512, 1024, 1500, 2048, whole.length - 1024]) {
      const space = await openWorkspace(t)
      await lyingAgent(t, space, whole.subarray(0, length), 'leave')
      const { exit } = await space.covey(['cp', 'web:/data', 'to'])
      assert.equal(exit, 5)
      assert.deepEqual(readdirSync(space.dir), [])
      const streamed = await space.covey(['cp', 'web:/data', '-'])
      assert.equal(streamed.exit, 5)
    }
  })

  it('gives an archive on stdout that tar reads, and refuses a terminal for it', async (t) => {
    const space = await openWorkspace(t)
    const link: Part = { kind: 'hardlink', path: 'content/h', target: 'content/x' }
    const parts: Part[] = [folder(''), { kind: 'file', path: 'content/x', data: 'x' }, link]
    await lyingAgent(t, space, archive(parts))
    const { out } = await space.covey(['cp', 'web:/srv/data', '-'])
    const input = Buffer.from(out, 'latin1')
    const listed = String(execFileSync('tar', ['-tv'], { input }))
    assert.match(listed, /data\/\n.*data\/x\n.*data\/h link to data\/x\n$/)
    const { exit, err } = await space.covey(['cp', 'web:/srv/data', '-'], { terminal: true })
    assert.match(`${exit} ${err}`, /^2 .*nothing for a terminal/)
  })
})
