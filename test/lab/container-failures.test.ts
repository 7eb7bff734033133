import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { buildBusybox } from '../registry/busybox.ts'
import {
  container,
  registrySettings,
  withContainerNetworks,
  writeSettings,
} from './container-config.ts'
import type { VirtualHost } from './host.ts'
import { createLab, type Lab } from './lab.ts'
import { type HostedRegistry, serveOn } from './registry-host.ts'

/** An object of a config that cannot become a running container, and what its reason has to say. */
interface Failing {
  readonly object: Readonly<Record<string, unknown>>
  readonly reason: RegExp
}

/** Room for images on the host with the small disk: enough for none. */
const diskSize = 'size=1m'
/** Failures are tried again ever more rarely, every few minutes at the least. */
const retryMsMax = 300_000
const mebibytes = 1024 * 1024
const nothing = `sha256:${'0'.repeat(64)}`

/** Changes one byte of the uppermost layer that a registry holds for an image. */
function damage({ storage }: HostedRegistry, reference: string): void {
  const blobs = join(storage, 'docker/registry/v2/blobs/sha256')
  const data = (digest: string): string => {
    const [, hex = ''] = digest.split('sha256:')
    return join(blobs, hex.slice(0, 2), hex, 'data')
  }
  const { layers } = JSON.parse(readFileSync(data(reference), 'utf8'))
  const path = data(layers.at(-1).digest)
  const bytes = readFileSync(path)
  const middle = Math.floor(bytes.length / 2)
  bytes[middle] = (bytes[middle] ?? 0) ^ 1
  writeFileSync(path, bytes)
}

describe('containers that cannot run', () => {
  let lab: Lab
  let open: HostedRegistry
  let closed: HostedRegistry
  let host: VirtualHost
  let small: VirtualHost

  before(async () => {
    lab = await createLab()
    const layout = (name: string): string => join(lab.record.folder, name)
    await buildBusybox(layout('busybox'))
    // The same base, and something of their own: what a host has by digest it does not ask for.
    for (const name of ['damaged', 'guarded']) await buildBusybox(layout(name), {}, { name })
    const images = { busybox: layout('busybox'), damaged: layout('damaged') }
    const place = await lab.host('registry')
    open = await serveOn(place, { tls: true }, images)
    closed = await serveOn(place, { tls: true, auth: 'basic' }, { guarded: layout('guarded') })
    host = await lab.host('cloud01')
    small = await lab.host('cloud02')
    const registries = {
      [open.host]: registrySettings(host, open),
      [closed.host]: registrySettings(host, closed),
    }
    for (const each of [host, small]) {
      registrySettings(each, closed)
      writeSettings(each, { registries, grants: ['host-network'] })
    }
    writeFileSync(join(host.folder, 'var-lib/covey-lab/registry-password'), 'wrong')
    await small.must('mkdir', ['-p', '/var/lib/covey/images'])
    await small.must('mount', ['-t', 'tmpfs', '-o', diskSize, 'tmpfs', '/var/lib/covey/images'])
    await lab.operator.enrol([host, small])
    await Promise.all([host.startAgent(), small.startAgent()])
  })
  after(() => lab?.close())

  /** Objects that fail, each with an address of its own where it is on the network. */
  function cases(): Readonly<Record<string, Failing>> {
    const { busybox = '', damaged = '' } = open.images
    const { guarded = '' } = closed.images
    let last = 20
    const on = (image: string, more: Readonly<Record<string, unknown>> = {}) => {
      last += 1
      return container(image, `10.69.101.${last}`, more)
    }
    const httpd = ['busybox', 'httpd', '-f', '-p', '80']
    const { network: _network, address: _address, ...shared } = on(busybox, { command: httpd })
    const greedy = ['dd', 'if=/dev/zero', 'of=/dev/null', 'bs=64M', 'count=1']
    const resources = { memory_bytes: 8 * mebibytes }
    return {
      'a wrong digest': {
        object: on(damaged),
        reason:
          /^registry\.example\.net:\d+ served bytes of sha256:\w+ as sha256:\w+; do not trust/,
      },
      'an image that is not there': {
        object: on(`${open.host}/nothing@${nothing}`),
        reason: /^registry\.example\.net:\d+ has no sha256:0+ in nothing .*was it pushed there\?/,
      },
      'a registry that is down': {
        object: on(`registry.example.net:1/busybox@${nothing}`),
        reason: /^registry\.example\.net:1 refuses connections; is it running/,
      },
      'wrong credentials': {
        object: on(guarded),
        reason: /refuses guarded to user covey .*check .*registry-password for .* in agent.json/,
      },
      'a command that does not exist': {
        object: on(busybox, { command: ['/no/such/program'] }),
        reason: /^the image has no command \/no\/such\/program$/,
      },
      'a port that is taken': {
        object: { ...shared, host_network: true },
        reason: /^crash loop: exit code 1, .*last output: httpd: bind: Address already in use$/,
      },
      'too little memory': {
        object: on(busybox, { command: greedy, resources }),
        reason: /^crash loop: ran out of memory \(resources\.memory_bytes\)/,
      },
    }
  }

  async function release(): Promise<Readonly<Record<string, RegExp>>> {
    const found = withContainerNetworks(await lab.operator.hosts())
    const { busybox = '', damaged = '' } = open.images
    damage(open, damaged)
    const listener = host.spawn('busybox', ['nc', '-l', '-p', '80'])
    listener.ended.catch(() => undefined)
    const named = Object.entries(cases()).map(
      ([what, each]) => [what.replaceAll(' ', '_'), each] as const,
    )
    const objects = Object.fromEntries(named.map(([name, { object }]) => [name, object]))
    const sleeping = { command: ['sleep', '1000'] }
    const well = container(busybox, '10.69.101.10', sleeping)
    const full = container(busybox, '10.69.102.10', sleeping)
    const config = {
      cloud01: { ...found['cloud01'], ...objects, well },
      cloud02: { ...found['cloud02'], full },
    }
    await lab.operator.release(config, host)
    return Object.fromEntries(named.map(([name, { reason }]) => [name, reason]))
  }

  /** Waits until exactly these objects of a host have failed, each for its reason. */
  async function fail(where: VirtualHost, wanted: Readonly<Record<string, RegExp>>): Promise<void> {
    const names = Object.keys(wanted)
    const status = await where.waitFor('has failed as it should', ({ objects }) => {
      const isRight = ({ name, state, reason }: (typeof objects)[number]): boolean => {
        const pattern = wanted[name]
        if (pattern === undefined) return state === 'converged'
        return state === 'failed' && pattern.test(reason ?? '')
      }
      const known = new Set(objects.map(({ name }) => name))
      return names.every((name) => known.has(name)) && objects.every(isRight)
    })
    assert.equal(status.state, 'degraded')
    for (const { reason } of status.objects) assert.doesNotMatch(reason ?? '', /\n/)
    const { stdout } = await where.covey(['status', '--json'])
    const shown: readonly { name: string; reason: string }[] = JSON.parse(stdout).objects
    for (const { name, reason } of shown) {
      if (wanted[name] !== undefined) assert.match(reason, wanted[name])
    }
  }

  it('say why in one line each, and harm no other object', async () => {
    const wanted = await release()
    await fail(host, wanted)
    await fail(small, { full: /^the disk of \S+ is full: .* left; free some space/ })
  })

  it('run as soon as the reason is gone', async () => {
    await small.must('mount', ['-o', 'remount,size=100m', '/var/lib/covey/images'])
    await small.waitFor('is in sync', ({ state }) => state === 'in-sync', retryMsMax)
  })
})
