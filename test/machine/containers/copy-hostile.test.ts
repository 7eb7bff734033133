import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, lstatSync, readdirSync, readFileSync } from 'node:fs'
import { mkdir, symlink, writeFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { copyIn, copyOut } from '../../../machine/containers/copy/in-and-out.ts'
import { copiesMax } from '../../../machine/containers/copy/limits.ts'
import { treeEnd, treeHead, treePadding } from '../../../platform/tree/write-tree.ts'
import { encodeFrame, type FrameKind } from '../../../protocol/exec-frames.ts'
import { afterwards, temporaryFolder } from '../../temporary.ts'
import type { ControlledHost } from './control.ts'
import { copying, pause, tree } from './copying.ts'

describe('covey cp and a container that is hostile', () => {
  it('follows no link of it out of it, in whatever direction', async (t) => {
    const { cp, fails, here, root } = await copying(t)
    const secret = join(here, 'secret')
    await mkdir(secret)
    await writeFile(join(secret, 'key'), 'of the host')
    const up = '../'.repeat(30)
    const links = {
      abs: secret,
      up: `${up}${secret}`,
      first: `/proc/1/root${secret}`,
      self: 'self',
      procs: `/proc/self/root${secret}`,
    }
    for (const [name, target] of Object.entries(links)) await symlink(target, join(root, name))
    await symlink('/proc/self/root', join(root, 'rooted'))
    const file = join(here, 'file')
    await writeFile(file, 'planted')
    for (const name of Object.keys(links)) {
      assert.match(await fails(`web:/${name}/key`, here), /^2 .*(not there|too many links)/)
      assert.match(await fails('-L', `web:/${name}`, here), /^2 .*(not there|too many links)/)
      assert.match(await fails(file, `web:/${name}/key`), /^2 .*(not there|too many links)/)
      await cp(`web:/${name}`, join(here, `link-${name}`))
      assert.ok(lstatSync(join(here, `link-${name}`)).isSymbolicLink())
    }
    assert.match(await fails(`web:/rooted${secret}/key`, here), /^2 .*not there/)
    assert.match(await fails(`web:/${up}${secret}/key`, here), /^2 .*not there/)
    // The last link may be to nothing; then it names a place in the container.
    await symlink(join(secret, 'new'), join(root, 'last'))
    assert.match(await fails(file, 'web:/last'), /^2 .*not there/)
    assert.deepEqual(tree(secret), ['key'])
  })

  it('is not led out by names that are exchanged while they are used', async (t) => {
    const flip = [
      'mkdir -p /x/d /x/e; echo inside > /x/d/key',
      'while :; do mv /x/d /x/o && ln -s HOST /x/d; rm /x/d; mv /x/o /x/d; done',
    ]
    const folder = await temporaryFolder(t)
    const secret = join(folder, 'secret')
    await mkdir(join(secret, 'e'), { recursive: true })
    await writeFile(join(secret, 'key'), 'of the host')
    const script = flip.join('; ').replace('HOST', secret)
    const { container, here } = await copying(t, withPrograms(script))
    const place = { ...container, rootfs: 'rootfs' }
    const never = { signal: new AbortController().signal, onLeftOut() {} }
    const out = Buffer.from(await fileArchive('planted'))
    let read = ''
    const came = { out: 0, in: 0 }
    const keep = async (bytes: Uint8Array): Promise<void> => {
      read += Buffer.from(bytes).toString('latin1')
    }
    // How often both sides meet is luck, so it goes on until that was often enough.
    const isEnough = (): boolean => came.out > 30 && came.in > 30
    for (let round = 0; round < 400 || (!isEnough() && round < 20_000); round++) {
      const common = { followLink: round % 2 === 0, direction: 'out' } as const
      const path = round % 3 === 0 ? '/x' : '/x/d/key'
      const read = copyOut(place, { ...common, path }, keep, never)
      came.out += await read.then(
        () => 1,
        () => 0,
      )
      const into = { direction: 'in', source: 'file', name: 'n', mayMake: true } as const
      const order = { ...into, path: `/x/d/${round % 3 === 0 ? '' : 'new'}`, keepOwners: false }
      const written = copyIn(place, order, chunksOf(out), never.signal)
      came.in += await written.then(
        () => 1,
        () => 0,
      )
    }
    assert.ok(isEnough(), JSON.stringify(came))
    assert.equal(read.includes('of the host'), false)
    assert.ok(read.includes('inside'))
    assert.deepEqual(tree(secret), ['e', 'key'])
    assert.ok(existsSync(here))
  })

  it('gets no half of a file from a client that goes away, and keeps nothing of it', async (t) => {
    const { host, root } = await copying(t)
    const file = { kind: 'file', parts: [], mode: 0o644, uid: 0, gid: 0 } as const
    const head = treeHead({ ...file, sizeBytes: 1e6, mtimeSeconds: 0, target: '' })
    const socket = dial(t, host)
    const order = { direction: 'in', path: '/etc/passwd', source: 'file', name: 'p' }
    socket.write(frame('start', { ...order, mayMake: true, keepOwners: false }))
    socket.write(encodeFrame('stdin', head))
    socket.write(encodeFrame('stdin', Buffer.alloc(1000)))
    const parts = (): readonly string[] => {
      return readdirSync(join(root, 'etc')).filter((name) => name.startsWith('.covey-cp'))
    }
    while (parts().length === 0) await pause()
    socket.destroy()
    while (parts().length > 0) await pause()
    assert.match(readFileSync(join(root, 'etc/passwd'), 'utf8'), /^root:x:0/)
  })

  it('serves so many at once, and no more', async (t) => {
    const { host, fails, here } = await copying(t)
    const held = Array.from({ length: copiesMax }, () => dial(t, host))
    for (const socket of held) await once(socket, 'data')
    const said = await fails('web:/etc/passwd', here)
    assert.match(said, /^1 .*4 copies are already under way\nhint: wait until one of them ends/)
    for (const socket of held) socket.destroy()
    while ((await fails('web:/etc/passwd', here)) !== '0 ') await pause()
  })
})

/** A client of its own that says what it likes after this. */
function dial(t: TestContext, host: ControlledHost): Socket {
  const socket = connect(join(host.runDir, 'admin.sock'))
  afterwards(t, async () => void socket.destroy())
  socket.write('POST /v1/containers/web/copy HTTP/1.1\r\nhost: covey\r\n')
  socket.write('connection: upgrade\r\nupgrade: covey-stream\r\n\r\n')
  return socket
}

async function fileArchive(content: string): Promise<Uint8Array> {
  const entry = { kind: 'file', parts: [], mode: 0o644, uid: 0, gid: 0, target: '' } as const
  const head = treeHead({ ...entry, sizeBytes: content.length, mtimeSeconds: 0 })
  return Buffer.concat([head, Buffer.from(content), treePadding(content.length), treeEnd])
}

async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

function frame(kind: FrameKind, value: unknown): Uint8Array {
  return encodeFrame(kind, Buffer.from(JSON.stringify(value)))
}

/** The container has few names for busybox; `mv`, `ln` and others it finds by itself. */
function withPrograms(script: string): string {
  return ['mkdir', 'mv', 'ln', 'rm'].reduce(
    (text, name) => text.replaceAll(new RegExp(`\\b${name} `, 'g'), `/bin/busybox ${name} `),
    script,
  )
}
