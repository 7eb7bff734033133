import { execFile } from 'node:child_process'
import { existsSync, lstatSync } from 'node:fs'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { CoveyError } from '../../../../protocol/fault.ts'
import { digestOf, pieces } from '../archive-of.ts'
import { tarOf } from '../rich-image.ts'
import { imagesIn } from '../store-of.ts'
import { differences, type Listed, listTree } from '../tree-listing.ts'

const run = promisify(execFile)

/** The tree that a program made of an image, and the folders that it lies in, the lowest first. */
export interface Tree {
  readonly tree: ReadonlyMap<string, Listed>
  readonly layers: readonly string[]
}

/** The result of a program for an image: a tree, or the reason why there is none. */
export type Unpacked =
  | Tree
  | { readonly refusal: { readonly code: string; readonly message: string } }

/** The files of an OCI layout that has these layers, by path. */
export function layoutOf(layers: readonly Buffer[]): ReadonlyMap<string, Buffer> {
  const files = new Map<string, Buffer>()
  const put = (bytes: Buffer, mediaType: string): object => {
    const digest = digestOf(bytes)
    files.set(`blobs/sha256/${digest.slice(7)}`, bytes)
    return { mediaType, digest, size: bytes.length }
  }
  const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value))
  const oci = 'application/vnd.oci.image'
  const config = put(
    json({
      architecture: process.arch === 'x64' ? 'amd64' : process.arch,
      os: 'linux',
      config: {},
      rootfs: { type: 'layers', diff_ids: layers.map(digestOf) },
    }),
    `${oci}.config.v1+json`,
  )
  const manifest = put(
    json({
      schemaVersion: 2,
      mediaType: `${oci}.manifest.v1+json`,
      config,
      layers: layers.map((layer) => put(layer, `${oci}.layer.v1.tar`)),
    }),
    `${oci}.manifest.v1+json`,
  )
  const named = { ...manifest, annotations: { 'org.opencontainers.image.ref.name': 'latest' } }
  files.set('index.json', json({ schemaVersion: 2, manifests: [named] }))
  files.set('oci-layout', json({ imageLayoutVersion: '1.0.0' }))
  return files
}

/** covey's own way: an archive is loaded, and the layers are mounted as a container's are. */
export async function byCovey(folder: string, layers: readonly Buffer[]): Promise<Unpacked> {
  await mkdir(folder)
  const images = await imagesIn(folder)
  const archive = tarOf(
    ...[...layoutOf(layers)].map(([path, content]) => ({ path, content, mode: 0o644 })),
  )
  const events = { signal: new AbortController().signal, onImage() {} }
  try {
    const [loaded] = await images.load(pieces(archive), events)
    const reference = `x.example/x@${loaded?.digest}`
    const state = (await images.port.look([reference])).get(reference)
    if (state?.state !== 'ready') throw new Error(`not ready: ${JSON.stringify(state)}`)
    const mount = join(folder, 'mount')
    const empty = join(folder, 'empty')
    await mkdir(mount)
    await mkdir(empty)
    // One more layer than there is, since overlayfs takes two or more.
    const lower = [...[...state.layers].reverse(), empty].join(':')
    const prepare = 'mount -t overlay overlay -o "lowerdir=$1" "$2"; TREE=$2'
    const tree = new Map(await listTree(prepare, [lower, mount]))
    return { tree, layers: state.layers }
  } catch (error) {
    if (!(error instanceof CoveyError)) throw error
    return { refusal: { code: error.code, message: error.message } }
  } finally {
    await images.close()
  }
}

/** Umoci's way. */
export async function byUmoci(folder: string, layers: readonly Buffer[]): Promise<Unpacked> {
  const layout = join(folder, 'layout')
  await mkdir(join(layout, 'blobs/sha256'), { recursive: true })
  for (const [path, content] of layoutOf(layers)) await writeFile(join(layout, path), content)
  const rootfs = join(folder, 'rootfs')
  try {
    await run('umoci', ['raw', 'unpack', '--image', `${layout}:latest`, rootfs])
  } catch (error) {
    const said = String(error instanceof Error && 'stderr' in error ? error.stderr : error)
    return { refusal: { code: 'umoci', message: said } }
  }
  const tree = await listTree('TREE=$1', [rootfs])
  return { tree, layers: [rootfs] }
}

/** The highest layer that has something at a path. */
/** Layers that have an entry at a path, by their place from the lowest. */
function layersOf(layers: readonly string[], path: string): readonly number[] {
  return [...layers.keys()].filter((index) => {
    const start = Buffer.from(`${layers[index]}/`)
    const full = Buffer.concat([start, Buffer.from(path, 'latin1')])
    return existsSync(full) || lstatSync(full, { throwIfNoEntry: false }) !== undefined
  })
}

/**
 * True if a higher layer made a file of its own of one of two names, and left the other, or another
 * name of it, as it was.
 */
function arePartedBy(layers: readonly string[], one: string, names: readonly string[]): boolean {
  const own = layersOf(layers, one)
  return names.some((name) => {
    const its = layersOf(layers, name)
    return own.some((layer) => !its.includes(layer) && its.some((below) => below < layer))
  })
}

/**
 * Differences that count. Two are left out: a folder that no entry describes gets the time at which
 * umoci made it; and overlayfs makes a file of its own of one that a higher layer gives a further
 * name, so that names of it in lower layers name the old file (overlayfs.rst, Non-standard
 * behavior).
 */
export function countingDifferences(
  ours: Tree,
  theirs: Tree,
  startedSeconds: number,
): readonly string[] {
  const mended = new Map<string, Listed>()
  for (const [path, listed] of ours.tree) {
    const other = theirs.tree.get(path)
    const next = { ...listed }
    const isFolder = listed['sameFileAs'] === undefined
    if (isFolder && other !== undefined && Number(other['time']) >= startedSeconds) {
      next['time'] = other['time'] ?? ''
    }
    const [here, there] = [listed['sameFileAs'], other?.['sameFileAs']]
    if (here !== undefined && there !== undefined && here !== there) {
      const names = [...ours.tree].filter(([, each]) => each['sameFileAs'] === here)
      const far = layersOf(ours.layers, there).at(-1) !== layersOf(ours.layers, path).at(-1)
      const parted = arePartedBy(ours.layers, there, [...names.map(([name]) => name), path])
      if (far || parted) next['sameFileAs'] = there
    }
    mended.set(path, next)
  }
  return differences(mended, theirs.tree)
}

/** Removes what a comparison left. */
export async function forget(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true })
}
