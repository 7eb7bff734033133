import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import type { Config } from '../../../protocol/documents/config.ts'
import { containerNetwork } from '../../../reconcilers/container-network/index.ts'
import { namespaceName } from '../../../reconcilers/container-network/names.ts'
import { createNftables } from '../../../reconcilers/nftables/index.ts'
import { rescuePortsDefault } from '../../../reconcilers/nftables/resolve.ts'
import { Wire } from '../../packets/wire.ts'
import { reconcile } from '../contract-suite.ts'
import { fakeNamespaces } from '../fake/containers.ts'
import { openRealHost, type RealHost } from '../real/host.ts'

const run = promisify(execFile)
/** An answer that should come has this long; one that should not is waited for this long. */
const answerMsMax = 10_000
export const silenceMs = 400

/** A program in a network namespace that sends and answers packets. */
export class Probe {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, (isReached: boolean) => void>()
  #next = 1

  constructor(launcher: readonly string[]) {
    const [file = '', ...args] = [
      ...launcher,
      process.execPath,
      join(import.meta.dirname, 'probe.ts'),
    ]
    this.#child = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#child.setMaxListeners(0)
    const { stdout } = this.#child
    if (stdout === null) throw new Error('no stdout')
    createInterface({ input: stdout }).on('line', (line) => {
      const { id, isReached } = JSON.parse(line)
      this.#waiting.get(id)?.(isReached)
      this.#waiting.delete(id)
    })
  }

  /** Number of the next command; a held connection is spoken on by it. */
  get next(): number {
    return this.#next
  }

  ask(
    kind: 'listen' | 'tcp' | 'udp' | 'hold' | 'speak',
    address: string,
    port: number,
    timeoutMs: number = answerMsMax,
    from?: string,
  ): Promise<boolean> {
    const id = this.#next++
    const text = JSON.stringify({ id, kind, address, port, timeoutMs, from })
    return new Promise((resolve, reject) => {
      if (this.#child.exitCode !== null) reject(new Error('the probe has ended'))
      this.#child.once('exit', () => reject(new Error('the probe has ended')))
      this.#waiting.set(id, resolve)
      this.#child.stdin?.write(`${text}\n`)
    })
  }

  async close(): Promise<void> {
    this.#child.kill('SIGKILL')
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      await once(this.#child, 'exit')
    }
  }
}

/** Name in /run/netns of the container that a test calls `covey-NAME`; any other name is itself. */
export function namespaceOf(name: string): string {
  const container = /^covey-(.+)$/.exec(name)?.[1]
  return container === undefined ? name : namespaceName(container, fakeNamespaces)
}

/** The command that leads into a namespace of the host by its name; nothing for `host`. */
function inside(name: string): readonly string[] {
  return name === 'host' ? [] : ['nsenter', `--net=/run/netns/${namespaceOf(name)}`, '--']
}

/**
 * One host with containers' namespaces, a LAN and a link `wg0` behind which other hosts and their
 * containers are. The link is a plain one: what is judged here are packets, not tunnels.
 */
export class World {
  readonly host: RealHost
  readonly probes: Map<string, Probe> = new Map()
  readonly wires: Map<string, Wire> = new Map()
  readonly #nftables = createNftables({ rescuePorts: rescuePortsDefault, changes: () => null })

  private constructor(host: RealHost) {
    this.host = host
  }

  static async open(): Promise<World> {
    const world = new World(await openRealHost())
    await world.sh(`
      ip netns add remote; ip netns add lan
      ip link add wg0 type veth peer name eth0 netns remote
      ip link add lan0 type veth peer name eth0 netns lan
      ip addr add 10.69.0.1/16 dev wg0; ip link set wg0 up
      ip addr add 192.168.7.1/24 dev lan0; ip link set lan0 up
      ip route add 10.69.2.0/24 dev wg0 via 10.69.0.2
      ip -n remote addr add 10.69.0.2/16 dev eth0; ip -n remote addr add 10.69.2.5/32 dev lo
      ip -n remote link set eth0 up; ip -n remote link set lo up
      ip -n remote route add 10.69.1.0/24 via 10.69.0.1
      ip -n lan addr add 192.168.7.2/24 dev eth0; ip -n lan addr add 203.0.113.9/32 dev lo
      ip -n lan link set eth0 up; ip -n lan link set lo up
      ip route add 203.0.113.0/24 via 192.168.7.2
      ip route add 169.254.169.254 via 192.168.7.2
      ip -n lan addr add 169.254.169.254/32 dev lo
      ip link add wg6 type veth peer name eth6 netns remote
      ip -6 addr add fd69::1/48 dev wg6 nodad; ip link set wg6 up
      ip -n remote -6 addr add fd69::2/48 dev eth6 nodad; ip -n remote link set eth6 up
      ip -n remote -6 addr add fd69:0:0:2::5/128 dev lo nodad
      ip -6 route add fd69:0:0:2::/64 dev wg6 via fd69::2
      ip -n remote -6 route add fd69:0:0:1::/64 via fd69::1
    `)
    return world
  }

  /** Runs a script on the host; what it printed. */
  async sh(script: string): Promise<string> {
    const [file = '', ...args] = [...this.host.launcher, 'sh', '-ec', script]
    return (await run(file, args)).stdout
  }

  /** Applies a config as the host `h1`: the network first, then the firewall. */
  async apply(config: Config): Promise<readonly string[]> {
    await reconcile(containerNetwork, config, 'h1', this.host.ports)
    return this.applyFirewall(config)
  }

  applyFirewall(config: Config): Promise<readonly string[]> {
    return reconcile(this.#nftables, config, 'h1', this.host.ports)
  }

  /** A probe in a namespace of the host by its name; on the host itself for `host`. */
  probe(name: string): Probe {
    const known = this.probes.get(name)
    if (known !== undefined) return known
    const probe = new Probe([...this.host.launcher, ...inside(name)])
    this.probes.set(name, probe)
    return probe
  }

  /** A wire in a namespace of the host by its name; on the host itself for `host`. */
  async wire(name: string): Promise<Wire> {
    const known = this.wires.get(name)
    if (known !== undefined) return known
    const wire = await Wire.open([...this.host.launcher, ...inside(name)])
    this.wires.set(name, wire)
    return wire
  }

  /** The number of packets that covey has dropped so far, by counter. */
  async refused(): Promise<ReadonlyMap<string, number>> {
    const { nftables } = JSON.parse(await this.sh('nft -j list counters table inet covey'))
    const counters: readonly { readonly counter?: { name: string; packets: number } }[] = nftables
    return new Map(
      counters.flatMap(({ counter: each }) => (each ? [[each.name, each.packets]] : [])),
    )
  }

  async close(): Promise<void> {
    for (const wire of this.wires.values()) await wire.close()
    for (const probe of this.probes.values()) await probe.close()
    await this.host.close()
  }
}
