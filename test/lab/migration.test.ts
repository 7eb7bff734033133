import assert from 'node:assert/strict'
import { chownSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { standInDocker, standInPath } from './docker-stand-in.ts'
import type { VirtualHost } from './host.ts'
import { createLab, type Lab } from './lab.ts'
import type { CommandResult } from './processes.ts'
import { serveStacks } from './serve-stacks.ts'
import { type Laptop, serveSsh } from './ssh-server.ts'
import { until } from './waiting.ts'

const folder = '/var/lib/apps/pages'
const store = '/var/lib/docker/volumes/pages_store/_data'

const composeText = `version: "3.9"
services:
  web:
    image: \${REGISTRY}/box
    user: "1000:1001"
    command: sh -c "id -u > /notes/uid; exec httpd -f -p 8080 -h /data"
    ports: ["8080:8080"]
    volumes: ["store:/data", "./notes:/notes"]
    healthcheck: { test: wget -q -O /dev/null http://127.0.0.1:8080/page, interval: 1s }
volumes: { store: {} }
`

describe('a folder that Docker runs', () => {
  let lab: Lab
  let pi: VirtualHost
  let laptop: Laptop

  before(async () => {
    lab = await createLab()
    pi = await lab.host('pi')
    const servers = await serveStacks(lab, [pi])
    const { registry } = servers
    laptop = servers.laptop
    laptop.know({ 'pi.example.net': await serveSsh(pi, laptop, { path: standInPath }) })
    standInDocker(pi)
    put(`${folder}/compose.yaml`, composeText)
    put(`${folder}/.env`, `REGISTRY=${registry.host}\n`)
    put(`${store}/page`, 'written under Docker\n')
    put(`${folder}/notes/first`, '')
    chownSync(onDisk(`${folder}/notes`), 1000, 1001)
    await there(`cd ${folder} && docker compose up -d`)
    const path = lab.operator.path('cluster.yaml')
    const insecure = `registries: { "${registry.host}": { insecure: true } }\n`
    const layout = readFileSync(path, 'utf8').replace(
      /^ {2}pi: \{/m,
      '  pi: { ssh: "root@pi.example.net",',
    )
    writeFileSync(path, layout + insecure)
  })
  after(() => lab?.close())

  /** A path below /var/lib of the host, as this machine sees it. */
  function onDisk(path: string): string {
    return join(pi.folder, path.replace('/var/lib/', 'var-lib/'))
  }

  function put(path: string, text: string): void {
    mkdirSync(dirname(onDisk(path)), { recursive: true })
    writeFileSync(onDisk(path), text)
  }

  /** Runs a line over ssh, as a person would. */
  async function there(line: string): Promise<string> {
    return await laptop.host.must('ssh', ['root@pi.example.net', line])
  }

  async function covey(...args: readonly string[]): Promise<CommandResult> {
    const env = { TMPDIR: '/run', COVEY_KEY_DIR: lab.operator.keyFolder }
    return await laptop.host.covey([...args, '--dir', lab.operator.folder], { env })
  }

  async function pageIs(text: string): Promise<void> {
    await until(`the page is ${text}`, async () => {
      const ask = ['-T', '3', '-q', '-O', '-', 'http://pi.example.net:8080/page']
      return (await laptop.host.exec('wget', ask)).stdout === text
    })
  }

  it('comes over with its data, its port and its user', async () => {
    await pageIs('written under Docker\n')
    const imported = await covey('stack', 'import', `root@pi.example.net:${folder}`, '--json')
    assert.equal(imported.exitCode, 0, imported.stderr)
    const { grants, faults } = JSON.parse(imported.stdout)
    assert.deepEqual([grants, faults], [[`path:${folder}`, `path:${store}`], []])
    const granted = await pi.covey(['host', 'grant', ...grants])
    assert.equal(granted.exitCode, 0, granted.stderr)
    await pageIs('written under Docker\n')

    const path = lab.operator.path('stacks/pages/compose.yaml')
    writeFileSync(path, composeText.replace('exec httpd', 'exec no-such-program'))
    const options = ['--yes', '--replace-docker', 'pages']
    const failed = await covey('apply', ...options, '--timeout', '15s')
    assert.equal(failed.exitCode, 1, failed.stderr)
    assert.match(
      failed.stderr,
      /were taken back by version \d+, and pages of Docker on pi runs again/,
    )
    await pageIs('written under Docker\n')

    writeFileSync(path, composeText)
    const applied = await covey('apply', ...options)
    assert.equal(applied.exitCode, 0, applied.stderr)
    assert.match(applied.stderr, /pages of Docker on pi stays stopped; covey runs pages/)
    await pageIs('written under Docker\n')
    assert.equal(readFileSync(onDisk(`${folder}/notes/uid`), 'utf8'), '1000\n')
    assert.match(
      await there('docker inspect --format x'),
      /"running":false,"restart":\{"Name":"unless-stopped"/,
    )
    writeFileSync(onDisk(`${store}/page`), 'written under covey\n')
    await pageIs('written under covey\n')
  })

  it('goes back by the exported files', async () => {
    const out = join(lab.operator.folder, 'back')
    const exported = await covey('export', 'compose', 'pages', '-o', out)
    assert.equal(exported.exitCode, 0, exported.stderr)
    const layout = lab.operator.path('cluster.yaml')
    writeFileSync(
      layout,
      readFileSync(layout, 'utf8')
        .replace(/^ {2}pages: .*\n/m, '')
        .replace('stacks:\n', ''),
    )
    const applied = await covey('apply', '--yes', '--yes-remove')
    assert.equal(applied.exitCode, 0, applied.stderr)
    assert.equal(
      (
        await laptop.host.exec('wget', [
          '-T',
          '3',
          '-q',
          '-O',
          '-',
          'http://pi.example.net:8080/page',
        ])
      ).stdout,
      '',
    )
    cpSync(out, onDisk('/var/lib/apps/back'), { recursive: true })
    await there('cd /var/lib/apps/back && docker compose up -d')
    await pageIs('written under covey\n')
  })
})
