import { randomBytes } from 'node:crypto'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { identify, isAlive, killNow, type ProcessId } from './processes.ts'

/** One virtual host, as another process can find it again. */
export interface HostRecord {
  readonly name: string
  /** Its address in the internet of the lab or, behind a router, in its own network. */
  readonly address: string
  /** The network behind a router that it lives in; null for a host with a public address. */
  readonly site: string | null
  /** Its link's name in the namespace at the other end: the internet's, or its router's. */
  readonly port: string
  /** The `unshare` that holds the namespaces and the host's first process; null while it is off. */
  holder: ProcessId | null
  init: ProcessId | null
}

/** A router with address translation: a network namespace between a site and the internet. */
export interface RouterRecord {
  readonly site: string
  readonly process: ProcessId
  /** Its own link's name in the internet. */
  readonly port: string
  readonly address: string
  /** First three numbers of the network behind it. */
  readonly lan: string
}

/** A lab, as `npm run lab` finds it again. */
export interface LabRecord {
  readonly id: string
  /** Holds what hosts keep over a power cut, logs, and the operator's folder. */
  readonly folder: string
  /** The process that it ends with; null for one that is kept until somebody takes it down. */
  owner: ProcessId | null
  readonly internet: ProcessId
  /** Numbers handed out so far, for links and addresses. */
  links: number
  readonly routers: Record<string, RouterRecord>
  readonly hosts: Record<string, HostRecord>
}

const registry = '/run/covey-lab'
const endMsMax = 10_000

/**
 * Makes the folders of a new lab; `id` is part of every name that it uses outside its namespaces.
 */
export function newLabFolders(): { id: string; folder: string } {
  const id = randomBytes(4).toString('hex')
  mkdirSync(registry, { recursive: true, mode: 0o700 })
  mkdirSync(join(registry, id), { mode: 0o700 })
  return { id, folder: mkdtempSync(join(tmpdir(), `covey-lab-${id}-`)) }
}

/** Writes a lab down, so that it can be found and cleaned up whatever becomes of this process. */
export function saveLab(record: LabRecord): void {
  const path = join(registry, record.id, 'lab.json')
  writeFileSync(`${path}.new`, JSON.stringify(record, null, 2))
  renameSync(`${path}.new`, path)
}

/** Every lab of this machine, those whose owner has died among them. */
export function listLabs(): readonly LabRecord[] {
  const labs: LabRecord[] = []
  for (const id of readFolder(registry)) {
    try {
      labs.push(JSON.parse(readFileSync(join(registry, id, 'lab.json'), 'utf8')))
    } catch {
      // Another process is making or removing it at this moment.
    }
  }
  return labs
}

/** True if nobody looks after a lab any more. */
export function isAbandoned({ owner }: LabRecord): boolean {
  return owner !== null && !isAlive(owner)
}

/** The record's owner for this process. */
export function thisProcess(): ProcessId | null {
  return identify(process.pid)
}

function processesOf(record: LabRecord): readonly ProcessId[] {
  const hosts = Object.values(record.hosts).flatMap(({ holder, init }) => [holder, init])
  const routers = Object.values(record.routers).map((router) => router.process)
  return [...hosts, ...routers, record.internet].filter((each) => each !== null)
}

function readFolder(path: string): readonly string[] {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}

/** Name of a host's folder in each hierarchy of control groups. */
export function cgroupOf(id: string, host: string): string {
  return `covey-lab-${id}-${host}`
}

function removeCgroup(path: string): void {
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) removeCgroup(join(path, entry.name))
  }
  rmdirSync(path)
}

/**
 * Removes the control groups of a lab's hosts, or of one of them, with those that were made inside.
 * Nothing runs there any more.
 */
export function removeCgroups(record: LabRecord, host?: string): void {
  const top = '/sys/fs/cgroup'
  const prefix = cgroupOf(record.id, host ?? '')
  for (const hierarchy of [top, ...readFolder(top).map((name) => join(top, name))]) {
    for (const name of readFolder(hierarchy)) {
      const mine = host === undefined ? name.startsWith(prefix) : name === prefix
      if (mine) removeCgroup(join(hierarchy, name))
    }
  }
}

/**
 * Ends a lab and removes every trace of it, without waiting for anything but the kernel: it also
 * runs while this process exits. With the first process of a host its namespaces go, and with them
 * every process, link, rule and mount inside.
 */
export function removeLab(record: LabRecord): void {
  const processes = processesOf(record)
  for (const each of processes) killNow(each)
  const pause = new Int32Array(new SharedArrayBuffer(4))
  const deadline = performance.now() + endMsMax
  while (processes.some(isAlive)) {
    if (performance.now() > deadline) throw new Error(`lab ${record.id} does not end`)
    Atomics.wait(pause, 0, 0, 5)
  }
  removeCgroups(record)
  dropLabFolders(record.id, record.folder)
}

/** Removes the folders of a lab whose processes are gone. */
export function dropLabFolders(id: string, folder: string): void {
  rmSync(folder, { recursive: true, force: true })
  rmSync(join(registry, id), { recursive: true, force: true })
  try {
    rmdirSync(registry)
  } catch {
    // Other labs are there.
  }
}

/** Removes the labs whose owner died without a chance to clean up; gives their ids. */
export function sweepLabs(): readonly string[] {
  const abandoned = listLabs().filter(isAbandoned)
  for (const record of abandoned) removeLab(record)
  return abandoned.map(({ id }) => id)
}
