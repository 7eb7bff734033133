import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { request as plainRequest } from 'node:http'
import { request as tlsRequest } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { run } from '../lab/processes.ts'
import { until } from '../lab/waiting.ts'
import { buildBusybox } from './busybox.ts'
import { pushLayout } from './image.ts'
import { type Registry, type RegistryOptions, startRegistry } from './registry.ts'

interface Answer {
  readonly status: number
  readonly challenge: string
  readonly body: string
}

function get(url: string, caFile: string | null, authorization?: string): Promise<Answer> {
  const ca = caFile === null ? undefined : readFileSync(caFile)
  const accept = 'application/vnd.oci.image.manifest.v1+json'
  const headers = authorization === undefined ? { accept } : { accept, authorization }
  const request = url.startsWith('https:') ? tlsRequest : plainRequest
  return new Promise((resolve, reject) => {
    const asked = request(url, { ...(ca === undefined ? {} : { ca }), headers }, (response) => {
      let body = ''
      response.on('data', (chunk) => {
        body += chunk
      })
      response.on('end', () => {
        const challenge = response.headers['www-authenticate'] ?? ''
        resolve({ status: response.statusCode ?? 0, challenge, body })
      })
    })
    asked.on('error', reject)
    asked.end()
  })
}

const kinds: Readonly<Record<string, RegistryOptions>> = {
  plain: {},
  'TLS with an authority of its own': { tls: true },
  'TLS and basic auth': { tls: true, auth: 'basic' },
  'TLS and tokens': { tls: true, auth: 'token' },
  'tokens, anybody may pull': { auth: 'token', anonymousPull: true },
}

describe('a registry for tests', () => {
  const layout = join(mkdtempSync(join(tmpdir(), 'covey-registry-test-')), 'layout')
  let digest = ''
  before(async () => {
    digest = await buildBusybox(layout)
  })
  after(() => rmSync(join(layout, '..'), { recursive: true }))

  for (const [name, options] of Object.entries(kinds)) {
    it(`takes a push and gives it back: ${name}`, async () => {
      const registry = await startRegistry(options)
      try {
        const reference = await pushLayout(registry, layout, 'apps/busybox')
        assert.equal(reference, `${registry.host}/apps/busybox@${digest}`)
        const manifest = `${registry.url}/v2/apps/busybox/manifests/${digest}`
        await checkAnswers(registry, options, manifest)
        await registry.stop()
        await assert.rejects(get(manifest, registry.caFile), /ECONNREFUSED/)
        await registry.start()
        assert.equal((await get(`${registry.url}/`, registry.caFile)).status, 200)
      } finally {
        await registry.close()
      }
      assert.ok(!existsSync(registry.storage))
    })
  }

  async function checkAnswers(
    registry: Registry,
    options: RegistryOptions,
    manifest: string,
  ): Promise<void> {
    const { username, password } = registry.credentials ?? { username: '', password: '' }
    const basic = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
    const { caFile } = registry
    const bare = await get(manifest, caFile)
    assert.equal(bare.status, options.auth === undefined ? 200 : 401)
    if (options.auth === 'basic') {
      assert.match(bare.challenge, /^Basic realm=/)
      assert.equal((await get(manifest, caFile, basic)).status, 200)
    }
    if (options.auth !== 'token') return
    const [, realm, service] = /^Bearer realm="(.*?)",service="(.*?)"/.exec(bare.challenge) ?? []
    const scope = 'repository:apps/busybox:pull'
    const url = `${realm}?service=${encodeURIComponent(service ?? '')}&scope=${scope}`
    assert.equal((await get(url, caFile)).status, options.anonymousPull === true ? 200 : 401)
    const { token } = JSON.parse((await get(url, caFile, basic)).body)
    assert.equal((await get(manifest, caFile, `Bearer ${token}`)).status, 200)
    const last = registry.tokens?.requests.at(-1)
    assert.deepEqual(last, { service, scopes: [scope], credentials: 'right', granted: true })
  }

  it('goes down and comes up on a signal', async () => {
    const program = join(import.meta.dirname, 'serve.ts')
    const order = JSON.stringify({ registry: {}, push: {} })
    const child = spawn(process.execPath, [program, order], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    try {
      const { host } = JSON.parse(String(await once(child.stdout, 'data')))
      for (const [said, answers] of [
        ['down', false],
        ['up', true],
      ] as const) {
        child.kill('SIGUSR2')
        assert.equal(String(await once(child.stdout, 'data')), `${said}\n`)
        const found = get(`http://${host}/v2/`, null).then(
          () => true,
          () => false,
        )
        assert.equal(await found, answers)
      }
    } finally {
      child.kill('SIGTERM')
    }
  })

  it('ends with its process, even if that is killed', async () => {
    const module = join(import.meta.dirname, 'registry.ts')
    const script = `
      const { startRegistry } = await import(${JSON.stringify(module)})
      const { host, storage } = await startRegistry()
      const text = JSON.stringify({ host, storage })
      process.stdout.write(text, () => process.kill(process.pid, 'SIGKILL'))
    `
    const args = ['--input-type=module', '--eval', script]
    const { stdout } = await run(process.execPath, args)
    const { host, storage } = JSON.parse(stdout)
    rmSync(join(storage, '..'), { recursive: true })
    const port = Number(host.split(':')[1]).toString(16).toUpperCase().padStart(4, '0')
    const listens = new RegExp(`: 0100007F:${port} 00000000:0000 0A`)
    await until('nothing listens', () => !listens.test(readFileSync('/proc/net/tcp', 'utf8')))
  })
})
