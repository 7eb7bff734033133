import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import { hasApplied } from './agent-status.ts'
import { type Hosts, meshLink } from './config-hosts.ts'
import type { VirtualHost } from './host.ts'
import type { Lab } from './lab.ts'
import type { Narrator } from './narrator.ts'
import { until, waitMsMax } from './waiting.ts'

const lookMs = 20

/** The three hosts of the story. */
interface Cast {
  readonly cloud01: VirtualHost
  readonly cloud02: VirtualHost
  readonly home01: VirtualHost
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`
}

function withMtu(hosts: Hosts, mtu: number): Hosts {
  const changed = structuredClone(hosts)
  for (const object of Object.values(changed).flatMap((each) => Object.values(each))) {
    if (object['type'] === 'wireguard_network') object['mtu'] = mtu
  }
  return changed
}

/**
 * The demo: everything in it really happens, and the story ends at the first thing that does not
 * hold.
 */
export class Story {
  readonly #lab: Lab
  readonly #narrator: Narrator

  constructor(lab: Lab, narrator: Narrator) {
    this.#lab = lab
    this.#narrator = narrator
  }

  /** Tells the whole story. Rejects with what did not hold. */
  async tell(): Promise<void> {
    const cast = await this.#raiseHosts()
    const hosts = await this.#enrol()
    await this.#showTunnels(hosts)
    await this.#spread(cast, hosts)
    await this.#cutAndHeal(cast, hosts)
    await this.#agree()
  }

  async #raiseHosts(): Promise<Cast> {
    this.#narrator.chapter('Three hosts, each alone in namespaces of its own on this machine')
    const cloud01 = await this.#lab.host('cloud01')
    const cloud02 = await this.#lab.host('cloud02')
    const home01 = await this.#lab.host('home01', { nat: true })
    for (const host of [cloud01, cloud02]) {
      this.#host(host, 'public address', 'cloud')
    }
    this.#host(home01, 'behind a router that lets nobody in', 'home')
    return { cloud01, cloud02, home01 }
  }

  #host({ name, address }: VirtualHost, what: string, kind: string): void {
    const text = `${name.padEnd(8)} ${address.padEnd(14)} ${what}`
    this.#narrator.tell({ event: 'host', text, facts: { host: name, address, kind } })
  }

  async #enrol(): Promise<Hosts> {
    this.#narrator.chapter('An operator makes keys, signs version 1, and enrols the hosts')
    const hosts = [...this.#lab.hosts.values()]
    await this.#lab.operator.enrol(hosts)
    this.#narrator.tell({ event: 'enrolled', text: 'every host has its bundle; the agents start' })
    const begun = performance.now()
    const starts = hosts.map((host) => host.startAgent())
    await Promise.all([...starts, this.#arrival(1, hosts, begun, 'its start')])
    return await this.#lab.operator.hosts()
  }

  /**
   * Waits until these hosts have applied a version, and tells how long after `since`, which was at
   * `begun`, each one did.
   */
  async #arrival(
    version: number,
    hosts: readonly VirtualHost[],
    begun: number,
    since = 'it was handed over',
  ): Promise<void> {
    await Promise.all(
      hosts.map(async (host) => {
        const deadline = begun + waitMsMax
        // An agent that has only just been started has no socket yet.
        const arrived = (): Promise<boolean> =>
          host.status().then(
            (status) => hasApplied(status, version),
            () => false,
          )
        while (!(await arrived())) {
          if (performance.now() > deadline) {
            await host.waitFor(`has applied version ${version}`, () => false, 0)
          }
          await sleep(lookMs)
        }
        const ms = performance.now() - begun
        const text = `${host.name.padEnd(8)} has applied version ${version} ${seconds(ms)} after ${since}`
        const facts = { host: host.name, version, ms: Math.round(ms) }
        this.#narrator.tell({ event: 'applied', text, facts })
      }),
    )
  }

  async #showTunnels(hosts: Hosts): Promise<void> {
    this.#narrator.chapter('Every host reaches every other one through WireGuard')
    for (const from of this.#lab.hosts.values()) {
      for (const to of this.#lab.hosts.values()) {
        if (from !== to) await this.#ping(from, to, meshLink(hosts, to.name).address)
      }
    }
  }

  async #ping(from: VirtualHost, to: VirtualHost, address: string): Promise<void> {
    const output = await until(`${from.name} reaches ${to.name} at ${address}`, async () => {
      const { exitCode, stdout } = await from.exec('ping', ['-c', '1', '-W', '1', address])
      return exitCode === 0 && stdout
    })
    const [, time = '?'] = /time=([\d.]+ ms)/.exec(output) ?? []
    const text = `${from.name.padEnd(8)} → ${to.name.padEnd(8)} ${address.padEnd(12)} ${time}`
    const facts = { from: from.name, to: to.name, address }
    this.#narrator.tell({ event: 'tunnel', text, facts })
  }

  /** Signs a new version that changes the MTU of the mesh, and hands it to one host. */
  async #inject(host: VirtualHost, version: number, hosts: Hosts, mtu: number): Promise<number> {
    const signed = await this.#lab.operator.sign(withMtu(hosts, mtu), `version-${version}`)
    const begun = performance.now()
    const { exitCode, stdout, stderr } = await this.#lab.operator.inject(host, signed)
    assert.equal(exitCode, 0, `${host.name} did not take version ${version}: ${stderr}${stdout}`)
    const ms = performance.now() - begun
    const text = `${host.name.padEnd(8)} took version ${version} after ${seconds(ms)}: accepted`
    const facts = { host: host.name, version, ms: Math.round(ms) }
    this.#narrator.tell({ event: 'injected', text, facts })
    return begun
  }

  async #checkMtu(hosts: Hosts, on: readonly VirtualHost[], mtu: number): Promise<void> {
    for (const host of on) {
      const { link } = meshLink(hosts, host.name)
      const found = await host.must('cat', [`/sys/class/net/${link}/mtu`])
      assert.equal(Number(found), mtu, `${host.name}: MTU of ${link}`)
    }
    const names = on.map(({ name }) => name).join(', ')
    const text = `the kernel agrees: MTU ${mtu} on ${names}`
    this.#narrator.tell({ event: 'checked', text, facts: { mtu, hosts: on.map((h) => h.name) } })
  }

  async #spread({ cloud01, cloud02, home01 }: Cast, hosts: Hosts): Promise<void> {
    this.#narrator.chapter('Version 2 (MTU 1400) is handed to the host at home, and to nobody else')
    const begun = await this.#inject(home01, 2, hosts, 1400)
    await this.#arrival(2, [home01, cloud01, cloud02], begun)
    await this.#checkMtu(hosts, [home01, cloud01, cloud02], 1400)
  }

  async #cutAndHeal({ cloud01, cloud02, home01 }: Cast, hosts: Hosts): Promise<void> {
    this.#narrator.chapter('The host at home is cut off, and version 3 (MTU 1380) goes to a cloud')
    await this.#lab.isolate('home01')
    const { address } = meshLink(hosts, 'cloud01')
    const { exitCode: reached } = await home01.exec('ping', ['-c', '1', '-W', '1', address])
    assert.notEqual(reached, 0, 'home01 still reaches cloud01')
    this.#narrator.tell({ event: 'cut', text: 'home01   reaches nobody any more' })
    const begun = await this.#inject(cloud01, 3, hosts, 1380)
    await this.#arrival(3, [cloud01, cloud02], begun)
    await this.#checkMtu(hosts, [cloud01, cloud02], 1380)
    const { head } = await home01.status()
    assert.equal(head?.version, 2, 'home01 cannot know of version 3 yet')
    this.#narrator.tell({ event: 'behind', text: 'home01   goes on with version 2' })

    this.#narrator.chapter('The cut is healed')
    const healed = performance.now()
    await this.#lab.heal()
    await this.#arrival(3, [home01], healed, 'the healing')
    await this.#checkMtu(hosts, [home01], 1380)
  }

  async #agree(): Promise<void> {
    const statuses = await Promise.all([...this.#lab.hosts.values()].map((host) => host.status()))
    const digests = new Set(statuses.map(({ applied }) => applied?.digest))
    assert.equal(digests.size, 1, 'the hosts do not agree')
    const digest = [...digests][0] ?? 'none'
    const text = `all three hold the same config: version 3, ${digest.slice(0, 19)}`
    this.#narrator.tell({ event: 'agreed', text, facts: { version: 3, digest } })
  }
}
