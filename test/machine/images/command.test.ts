import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import { imageAdminRoutes, imageRoutes } from '../../../agent/control/image-routes.ts'
import { openControl } from '../../../agent/control/server.ts'
import type { Images } from '../../../machine/images/images.ts'
import { programFile } from '../../programs.ts'
import { afterwards, temporaryFolder } from '../../temporary.ts'
import { digestOf, plainLayer, savedArchive } from './archive-of.ts'
import { type MemoryRegistry, memoryRegistry, putImage } from './memory-registry.ts'
import { folder as folderEntry, tarOf } from './rich-image.ts'
import { imagesIn } from './store-of.ts'

const main = programFile('operator')
const quiet = { debug() {}, info() {}, warn() {}, error() {} } as never

interface Outcome {
  readonly exit: number | null
  readonly out: Buffer
  readonly err: string
}

interface Host {
  readonly folder: string
  readonly images: Images
  readonly registries: MemoryRegistry
  begin(...args: readonly string[]): { readonly child: ChildProcess; ended: Promise<Outcome> }
  covey(args: readonly string[], input?: Buffer): Promise<Outcome>
}

async function host(t: TestContext): Promise<Host> {
  const folder = await temporaryFolder(t)
  const registries = memoryRegistry()
  const images = await imagesIn(folder, { registries })
  const runDir = join(folder, 'run')
  const routes = () => imageRoutes(images)
  const adminRoutes = imageAdminRoutes(images)
  const init = { runDir, routes, adminRoutes, adminUpgrades: new Map(), log: quiet }
  const control = await openControl(init)
  afterwards(t, async () => {
    await control.close()
    await images.close()
  })
  const begin: Host['begin'] = (...args) => {
    const child = spawn(process.execPath, [main, ...args, '--run-dir', runDir], { cwd: folder })
    return { child, ended: outcomeOf(child) }
  }
  const covey: Host['covey'] = (args, input) => {
    const { child, ended } = begin(...args)
    child.stdin?.on('error', () => undefined)
    child.stdin?.end(input)
    return ended
  }
  return { folder, images, registries, begin, covey }
}

function outcomeOf(child: ChildProcess): Promise<Outcome> {
  const [out, err]: [Buffer[], Buffer[]] = [[], []]
  child.stdout?.on('data', (chunk: Buffer) => out.push(chunk))
  child.stderr?.on('data', (chunk: Buffer) => err.push(chunk))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (exit) => {
      resolve({ exit, out: Buffer.concat(out), err: Buffer.concat(err).toString() })
    })
  })
}

const tar = tarOf(folderEntry('./'), { path: 'file', content: 'content '.repeat(50_000) })
const archive = savedArchive([plainLayer(tar)], ['team/web:1'])

describe('covey image', () => {
  it('loads, lists, saves and prunes', async (t) => {
    const { folder, images, covey } = await host(t)
    const none = await covey(['image', 'list'])
    assert.equal(none.out.toString(), 'there are no images on this host\n')
    writeFileSync(join(folder, 'web.tar'), archive)
    const loaded = await covey(['image', 'load', 'web.tar'])
    const [, reference = ''] =
      /^loaded (docker\.io\/team\/web:1@sha256:[0-9a-f]{64})\n$/.exec(loaded.out.toString()) ?? []
    assert.notEqual(reference, '', `${loaded.out}${loaded.err}`)
    const digest = reference.split('@')[1] ?? ''
    const listed = (await covey(['image', 'list'])).out.toString().split('\n')
    assert.match(listed[0] ?? '', /^IMAGE +DIGEST +SIZE +LAYERS +USED BY$/)
    assert.match(
      listed[1] ?? '',
      new RegExp(`^docker.io/team/web:1 +${digest} +402 kB +1 +unused$`),
    )
    const json = JSON.parse((await covey(['image', 'list', '--json'])).out.toString())
    assert.equal(json.images[0].digest, digest)

    const file = await covey(['image', 'save', reference, '-o', 'saved.tar'])
    assert.match(
      file.out.toString(),
      /^saved\.tar: docker\.io.*\non another host: covey image load/,
    )
    const piped = await covey(['image', 'save', digest])
    assert.ok(piped.out.equals(readFileSync(join(folder, 'saved.tar'))))

    images.port.retain([reference])
    assert.equal((await covey(['image', 'prune'])).out.toString(), '0 images removed, 0 kB freed\n')
    images.port.retain([])
    const pruned = (await covey(['image', 'prune'])).out.toString()
    assert.match(pruned, /^removed docker\.io\/team\/web:1@.*\n1 image removed, 8\d\d kB freed\n$/)
    const again = await covey(['image', 'load', '-', '--json'], piped.out)
    const { images: rows } = JSON.parse(again.out.toString())
    assert.deepEqual(rows[0].references, [reference])
    assert.equal(again.err, '')
  })

  it('pulls, and says how far it is, one line for a step', async (t) => {
    const { registries, images, covey } = await host(t)
    const layer = { packed: gzipSync(tar), diffId: digestOf(tar) }
    const reference = `registry.example/web@${putImage(registries, [layer])}`
    const pulled = await covey(['image', 'pull', reference])
    assert.equal(pulled.out.toString(), `${reference} is on this host\n`, pulled.err)
    assert.match(pulled.err, new RegExp(`^pulling ${reference}\n([01] of 1 layers\n)*$`))
    assert.equal((await images.list()).length, 1)
  })

  it('ends a pull with Ctrl-C', async (t) => {
    const { folder, registries, images, begin } = await host(t)
    const layer = { packed: gzipSync(tar), diffId: digestOf(tar) }
    const reference = `registry.example/web@${putImage(registries, [layer])}`
    const asked = new Promise<void>((resolve) => {
      registries.gate = () => {
        resolve()
        return new Promise(() => {})
      }
    })
    const { child, ended } = begin('image', 'pull', reference)
    await asked
    child.kill('SIGINT')
    const { exit, err } = await ended
    assert.equal(exit, 1)
    assert.match(err, /\ncovey: image pull: interrupted\nhint: /)
    registries.gate = async () => {}
    assert.deepEqual(await images.list(), [])
    assert.deepEqual(readdirSync(join(folder, 'state/images/layers')), [])
  })

  it('says in one line what is wrong', async (t) => {
    const { registries, covey } = await host(t)
    const gone = `registry.example/web@sha256:${'3'.repeat(64)}`
    registries.failure = null
    const cases: readonly (readonly [readonly string[], number, RegExp])[] = [
      [
        ['image', 'pull', 'nginx'],
        2,
        /^covey: image pull: nginx has no digest: write nginx@sha256/,
      ],
      [['image', 'pull', gone], 1, /^pulling .*\ncovey: image pull: there is no sha256:333.*\n$/],
      [
        ['image', 'load', 'absent.tar'],
        2,
        /^covey: image load: cannot read absent\.tar: there is no/,
      ],
      [['image', 'load', '.'], 2, /^covey: image load: cannot read \.: it is a folder/],
      [['image', 'save', gone], 1, /^covey: image save: sha256:333.* is not on this host\nhint: /],
      [['image', 'save', 'nginx'], 2, /^covey: image save: nginx has no digest/],
      [
        ['image', 'save', gone, '-o', '.'],
        1,
        /^covey: image save: cannot write \.: it is a folder/,
      ],
      [
        ['image', 'prune'],
        1,
        /^covey: image prune: the agent has not applied its config yet\nhint:/,
      ],
    ]
    for (const [args, exit, says] of cases) {
      const outcome = await covey(args)
      assert.match(outcome.err, says)
      assert.equal(outcome.exit, exit, args.join(' '))
    }
    const broken = await covey(
      ['image', 'load', '-'],
      Buffer.from('nothing of the kind'.repeat(99)),
    )
    assert.match(broken.err, /covey: image load: this is not an image archive: .*\nhint: use an/)
    assert.equal(broken.exit, 2)
    const json = JSON.parse((await covey(['image', 'pull', gone, '--json'])).out.toString())
    assert.equal(json.error.code, 'image-missing')
  })
})
