import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { chmod, chown, link, mkdir, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { copying, pause, tree } from './copying.ts'

describe('covey cp', () => {
  it('copies files out as docker cp does', async (t) => {
    const { cp, fails, here, root } = await copying(t)
    await mkdir(join(root, 'data/sub'), { recursive: true })
    await writeFile(join(root, 'data/a'), 'aaa')
    await writeFile(join(root, 'data/sub/b'), 'bb', { mode: 0o640 })
    await chmod(join(root, 'data/sub/b'), 0o4750)
    await symlink('/etc/passwd', join(root, 'data/link'))
    await mkdir(join(here, 'there'))
    assert.match(await cp('web:/etc/passwd', here), /^1 file, 1 kB, from web to /)
    assert.match(readFileSync(join(here, 'passwd'), 'utf8'), /^root:x:0/)
    await cp('web:/etc/group', join(here, 'renamed'))
    assert.match(readFileSync(join(here, 'renamed'), 'utf8'), /^root:x:0/)
    await cp('web:/data', join(here, 'there'))
    const all = ['a', 'link', 'sub', 'sub/b']
    assert.deepEqual(tree(join(here, 'there/data')), all)
    await cp('web:data', join(here, 'new'))
    assert.deepEqual(tree(join(here, 'new')), all)
    await writeFile(join(here, 'new/a'), 'old')
    await writeFile(join(here, 'new/mine'), '')
    const said = await cp('--json', 'web:/data/.', join(here, 'new'))
    const containers = [{ host: '', container: 'web' }]
    assert.deepEqual(JSON.parse(said), { files: 3, folders: 2, bytes: 5, containers })
    assert.deepEqual(tree(join(here, 'new')), ['a', 'link', 'mine', 'sub', 'sub/b'])
    assert.equal(readFileSync(join(here, 'new/a'), 'utf8'), 'aaa')
    assert.equal(readlinkSync(join(here, 'new/link')), '/etc/passwd')
    // Nothing of a container may run as who has copied it.
    assert.equal(statSync(join(here, 'new/sub/b')).mode & 0o7777, 0o750)
    await cp('-L', 'web:/data/link', join(here, 'followed'))
    assert.match(readFileSync(join(here, 'followed'), 'utf8'), /^root:x:0/)
    assert.match(await fails('web:/nothing', here), /^2 covey: cp: \/nothing is not there\n/)
    assert.match(await fails('web:/etc/passwd/x', here), /^2 .*leads through a file/)
    assert.match(await fails('web:/data', join(here, 'renamed')), /^2 .*cannot replace it/)
    assert.match(await fails('web:/etc/passwd', join(here, 'none/')), /^2 .*no folder/)
    assert.match(await fails('web:/proc/cpuinfo', here), /^2 .*window on the kernel/)
    const names = ['followed', 'new', 'passwd', 'renamed', 'there']
    assert.deepEqual(readdirSync(here).sort(), names)
  })

  it('copies files in as docker cp does; root owns them, unless -a keeps owners', async (t) => {
    const { cp, fails, here, root } = await copying(t)
    await mkdir(join(here, 'site/sub'), { recursive: true })
    await writeFile(join(here, 'site/index'), 'hello')
    await writeFile(join(here, 'site/sub/x'), '', { mode: 0o700 })
    await symlink('sub/x', join(here, 'site/link'))
    await chown(join(here, 'site/index'), 1234, 5678)
    const all = ['index', 'link', 'sub', 'sub/x']
    assert.match(await cp(join(here, 'site/index'), 'web:/tmp'), /from .*index to web\n/)
    const seen = statSync(join(root, 'tmp/index'))
    assert.deepEqual([seen.uid, seen.gid, seen.size], [0, 0, 5])
    await cp('-a', join(here, 'site'), 'web:/tmp')
    assert.deepEqual(tree(join(root, 'tmp/site')), all)
    assert.equal(statSync(join(root, 'tmp/site/index')).uid, 1234)
    await cp(join(here, 'site'), 'web:/tmp/new')
    assert.deepEqual(tree(join(root, 'tmp/new')), all)
    await writeFile(join(root, 'tmp/new/kept'), '')
    await writeFile(join(root, 'tmp/new/index'), 'longer than before')
    await cp(`${join(here, 'site')}/.`, 'web:/tmp/new')
    assert.deepEqual(tree(join(root, 'tmp/new')), ['index', 'kept', 'link', 'sub', 'sub/x'])
    assert.equal(readFileSync(join(root, 'tmp/new/index'), 'utf8'), 'hello')
    assert.equal(statSync(join(root, 'tmp/new/sub/x')).mode & 0o777, 0o700)
    await cp(`${join(here, 'site')}/.`, 'web:/made')
    assert.deepEqual(tree(join(root, 'made')), all)
    // A link of the container is followed within it.
    await symlink('/tmp/new', join(root, 'etc/way'))
    await cp(join(here, 'site/index'), 'web:/etc/way')
    await symlink('/tmp/named', join(root, 'etc/name'))
    await cp(join(here, 'site/index'), 'web:/etc/name')
    assert.equal(readFileSync(join(root, 'tmp/named'), 'utf8'), 'hello')
    assert.match(await fails(join(here, 'site'), 'web:/etc/passwd'), /^2 .*cannot replace it/)
    assert.match(await fails(join(here, 'site/index'), 'web:/none/'), /^2 .*not there/)
    assert.match(await fails(join(here, 'site/index'), 'web:/none/x'), /^2 .*not there/)
    assert.match(await fails(join(here, 'site/index'), 'web:/proc/x'), /^2 .*window on the kernel/)
    assert.match(await fails(join(here, 'nothing'), 'web:/tmp'), /^2 .*cannot read/)
    const odd = await fails(join(here, 'site'), here)
    assert.match(odd, /^2 .*no side of the copy is a container/)
    assert.match(await fails('web:/etc', 'web:/tmp'), /^2 .*each side of the copy/)
    const everything = tree(root).filter((name) => name.includes('.covey-cp'))
    assert.deepEqual(everything, [])
  })

  it('says where it was to be written when there is no space left', async (t) => {
    const { fails, here, container } = await copying(t)
    // Its `/dev` is a tmpfs of 64 MiB.
    await writeFile(join(here, 'large'), '')
    await truncate(join(here, 'large'), 65 * 1024 * 1024)
    const said = await fails(join(here, 'large'), 'web:/dev')
    assert.match(said, /^\d covey: cp: cannot write \/dev: there is no space left\n/)
    const left = readdirSync(`/proc/${container.pid}/root/dev`)
    assert.deepEqual(
      [left.includes('null'), left.filter((name) => /large|cp-/.test(name))],
      [true, []],
    )
  })

  it('takes and gives tar archives', async (t) => {
    const { covey, here, root } = await copying(t)
    await mkdir(join(here, 'in/deep'), { recursive: true })
    await writeFile(join(here, 'in/deep/file'), 'x'.repeat(3000))
    await writeFile(join(here, 'in/one'), '1')
    await link(join(here, 'in/one'), join(here, 'in/two'))
    const tar = execFileSync('tar', ['-c', '-C', join(here, 'in'), 'deep/file', 'one', 'two'])
    const into = await covey(['-', 'web:/tmp'], tar)
    assert.deepEqual(into, { exit: 0, out: '3 files, 4 kB, from stdin to web\n', err: '' })
    assert.deepEqual(tree(join(root, 'tmp')), ['deep', 'deep/file', 'one', 'two'])
    assert.equal(statSync(join(root, 'tmp/one')).nlink, 2)
    const { out } = await covey(['web:/tmp/deep', '-'])
    const listed = execFileSync('tar', ['-t'], { input: Buffer.from(out, 'latin1') })
    assert.equal(String(listed), 'deep/\ndeep/file\n')
    const packed = await covey(['-', 'web:/tmp'], execFileSync('gzip', { input: tar }))
    assert.match(packed.err, /the archive on stdin is packed\nhint: .*zcat/)
    const cut = await covey(['-', 'web:/etc'], tar.subarray(0, 2000))
    assert.match(`${cut.exit} ${cut.err}`, /^2 .*ends in the middle of an entry/)
    const outside = execFileSync('tar', ['-cP', '--transform=s,one,../one,', '-C', here, 'in/one'])
    const odd = await covey(['-', 'web:/etc'], outside)
    assert.match(`${odd.exit} ${odd.err}`, /^2 .*leads out of the tree/)
    // What was begun of it goes when the agent notices that nobody is there any more.
    while (tree(join(root, 'etc')).length > 3) await pause()
    assert.deepEqual(tree(join(root, 'etc')), ['group', 'passwd', 'plain'])
  })
})
