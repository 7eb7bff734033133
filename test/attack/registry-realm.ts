import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeClient, pullManifest } from '../machine/images/registry/client.ts'
import { manifestPiece, type Scripted, startScripted } from '../machine/images/registry/scripted.ts'
import type { Attack, AttackEnd } from './attack.ts'

const names = { 'x.registry.test': ['127.0.0.1'], 'registry.test': ['127.0.0.1'] }

/**
 * Realms that a registry at `x.registry.test:PORT` may name to get its password told to `thief`.
 */
function realms(thief: Scripted, registry: Scripted): readonly string[] {
  return [
    `http://x.registry.test:${thief.port}/token`,
    `http://registry.test:${thief.port}/token`,
    `http://registry.test:${registry.port}/token`,
    `http://127.0.0.1:${thief.port}/token`,
    `${registry.url.replace('127.0.0.1', 'x.registry.test')}/moved`,
  ]
}

async function run(): Promise<AttackEnd> {
  const folder = mkdtempSync(join(tmpdir(), 'covey-attack-realm-'))
  const file = join(folder, 'password')
  writeFileSync(file, 's3cret\n', { mode: 0o600 })
  const thief = await startScripted((_asked, response) => void response.end('{"token": "x"}'))
  let realm = ''
  const registry = await startScripted((asked, response) => {
    if (asked.path === '/v2/') return void response.end('{}')
    if (asked.path.startsWith('/moved')) {
      const to = `http://x.registry.test:${thief.port}/token`
      return void response.writeHead(307, { location: to }).end()
    }
    if (asked.path.startsWith('/token')) return void response.end('{"token": "x"}')
    response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}",service="x"` }).end()
  })
  const name = `x.registry.test:${registry.port}`
  const settings = { insecure: true, username: 'u', password_file: file }
  const tried = realms(thief, registry)
  try {
    for (realm of tried) {
      const client = makeClient({ [name]: settings }, { names })
      await pullManifest(client, name, manifestPiece).catch(() => undefined)
      await client.close()
    }
    const told = [
      ...thief.asked,
      ...registry.asked.filter(({ host }) => !host.startsWith('x.')),
    ].filter(({ authorization }) => authorization?.startsWith('Basic ') === true)
    const seen = `${tried.length} realms named, the password was told ${told.length} times`
    return { held: told.length === 0, seen }
  } finally {
    await Promise.all([registry.close(), thief.close()])
    rmSync(folder, { recursive: true })
  }
}

/** The registry names a token server that is not its own (THREATS.md, registries). */
export const registryRealm: Attack = {
  name: 'registry-realm',
  from: 'a service on another port of a registry’s host, or the owner of the domain above',
  wants: 'the password that agent.json has for the registry',
  run,
}
