import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { coveyPath, VirtualHost } from './host.ts'
import {
  cutLinks,
  healAllLinks,
  healLinks,
  holdNetwork,
  layInternet,
  layRouter,
  takeLanPlace,
  takePlace,
} from './internet.ts'
import { Operator } from './operator.ts'
import {
  dropLabFolders,
  type LabRecord,
  newLabFolders,
  removeLab,
  saveLab,
  sweepLabs,
  thisProcess,
} from './record.ts'

/** The way in which a host is joined to the others. */
export interface HostOptions {
  /** Behind a router with address translation: nobody outside can open a flow to it. */
  readonly nat?: boolean
  /**
   * Hosts of one site share a router and reach one another directly. The host's own name if absent.
   */
  readonly site?: string
}

/** Which way a cut goes. */
export interface CutOptions {
  /** Only what goes from the first to the second is dropped. */
  readonly oneWay?: boolean
}

const openLabs = new Set<Lab>()

/** Real virtual hosts on one machine, joined by a bridge that plays the internet. */
export class Lab {
  readonly record: LabRecord
  readonly hosts: Map<string, VirtualHost>
  readonly operator: Operator
  readonly #keep: boolean
  readonly #covey: string

  constructor(record: LabRecord, keep: boolean, covey: string = coveyPath) {
    this.record = record
    this.#keep = keep
    this.#covey = covey
    this.operator = new Operator(join(record.folder, 'operator'), covey)
    this.hosts = new Map(
      Object.keys(record.hosts).map((name) => [name, new VirtualHost(record, name, keep, covey)]),
    )
  }

  /**
   * Makes a host and switches it on. Its name is known to all by /etc/hosts, if it has a public
   * address.
   */
  async host(name: string, options: HostOptions = {}): Promise<VirtualHost> {
    if (this.hosts.has(name)) throw new Error(`there is a host ${name} already`)
    const site = options.nat === true ? (options.site ?? name) : null
    const place = site === null ? takePlace(this.record, 'host') : await this.#sitePlace(site)
    this.record.hosts[name] = { name, site, ...place, holder: null, init: null }
    saveLab(this.record)
    this.#writeNames()
    const host = new VirtualHost(this.record, name, this.#keep, this.#covey)
    this.hosts.set(name, host)
    await host.boot()
    return host
  }

  async #sitePlace(site: string): Promise<{ port: string; address: string }> {
    const known = this.record.routers[site]
    const router = known ?? (await layRouter(this.record, site, this.#keep))
    return takeLanPlace(this.record, router)
  }

  /** A host by its name. */
  get(name: string): VirtualHost {
    const host = this.hosts.get(name)
    if (host === undefined) throw new Error(`no host ${name}: ${[...this.hosts.keys()].join(', ')}`)
    return host
  }

  #writeNames(): void {
    const lines = Object.values(this.record.hosts)
      .filter(({ site }) => site === null)
      .map(({ name, address }) => `${address} ${name} ${name}.example.net`)
    const text = ['127.0.0.1 localhost', '::1 localhost', ...lines].join('\n')
    writeFileSync(join(this.record.folder, 'hosts'), `${text}\n`)
  }

  /** The link by which a host, or the router before it, is joined to the internet. */
  #linkOf(name: string): string {
    const { site, port } = this.get(name).record
    return site === null ? port : (this.record.routers[site]?.port ?? port)
  }

  /** Drops whatever goes between two hosts; they notice nothing but silence. */
  async cut(from: string, to: string, options: CutOptions = {}): Promise<void> {
    const [a, b] = [this.#linkOf(from), this.#linkOf(to)]
    if (a === b) throw new Error(`${from} and ${to} share a link: no cut can part them`)
    await cutLinks(this.record.internet.pid, a, b)
    if (options.oneWay !== true) await cutLinks(this.record.internet.pid, b, a)
  }

  /** Cuts a host off from all others. */
  async isolate(name: string): Promise<void> {
    const own = this.#linkOf(name)
    const others = [...this.hosts.keys()].filter((other) => this.#linkOf(other) !== own)
    for (const other of others) await this.cut(name, other)
  }

  /** Undoes every cut, or both ways of the one between two hosts. */
  async heal(from?: string, to?: string): Promise<void> {
    const { pid } = this.record.internet
    if (from === undefined || to === undefined) {
      await healAllLinks(pid)
      return
    }
    const [a, b] = [this.#linkOf(from), this.#linkOf(to)]
    await healLinks(pid, a, b)
    await healLinks(pid, b, a)
  }

  /** The documented way from bare hosts to a running cluster, with every host that there is. */
  async enrolAll(): Promise<void> {
    const hosts = [...this.hosts.values()]
    await this.operator.enrol(hosts)
    await Promise.all(hosts.map((host) => host.startAgent()))
  }

  /** Ends of all logs, for the message of a failure. */
  logTails(): string {
    return [...this.hosts.values()].map((host) => host.logTail()).join('\n')
  }

  /** Lets it run on when this process ends. Only a lab that was made to be kept can be. */
  keep(): void {
    if (!this.#keep) throw new Error('this lab was made to end with its process')
    this.record.owner = null
    saveLab(this.record)
    openLabs.delete(this)
  }

  /** Ends everything and removes every trace. A second call does nothing. */
  close(): void {
    openLabs.delete(this)
    removeLab(this.record)
  }
}

function closeAll(): void {
  for (const lab of openLabs) lab.close()
}

let guarded = false

/**
 * However this process ends, its labs end with it; for SIGKILL there is the kernel, and the next
 * sweep.
 */
function guardExit(): void {
  if (guarded) return
  guarded = true
  process.on('exit', closeAll)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      closeAll()
      process.kill(process.pid, signal)
    })
  }
}

/** The parts that a lab is made from. */
export interface LabOptions {
  /** It can be told to outlive this process, by `keep`. */
  readonly keepable?: boolean
  /** The command under test; that of the checkout where absent. */
  readonly covey?: string
}

/** Makes a lab without hosts. */
export async function createLab(options: LabOptions = {}): Promise<Lab> {
  const keep = options.keepable === true
  guardExit()
  sweepLabs()
  const { id, folder } = newLabFolders()
  writeFileSync(join(folder, 'hosts'), '127.0.0.1 localhost\n')
  writeFileSync(join(folder, 'resolv.conf'), 'nameserver 127.0.0.1\n')
  mkdirSync(join(folder, 'operator'))
  const internet = await holdNetwork(keep).catch((error: unknown) => {
    dropLabFolders(id, folder)
    throw error
  })
  const owner = thisProcess()
  const record: LabRecord = { id, folder, owner, internet, links: 0, routers: {}, hosts: {} }
  saveLab(record)
  const lab = new Lab(record, keep, options.covey)
  openLabs.add(lab)
  await layInternet(internet.pid)
  return lab
}

/** Takes up a lab that another process has made and kept. */
export function openLab(record: LabRecord): Lab {
  return new Lab(record, true)
}
