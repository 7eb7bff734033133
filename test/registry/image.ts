import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream, createWriteStream, readFileSync, renameSync, statSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { PassThrough, type Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { createGzip, createZstdCompress } from 'node:zlib'
import type { Registry } from './registry.ts'

const runFile = promisify(execFile)

/** `config` of an image (OCI image-spec config.md), as far as tests set it. */
export interface ImageSettings {
  readonly Entrypoint?: readonly string[]
  readonly Cmd?: readonly string[]
  readonly Env?: readonly string[]
  readonly WorkingDir?: string
  readonly User?: string
  readonly StopSignal?: string
  readonly Volumes?: Readonly<Record<string, object>>
  readonly ExposedPorts?: Readonly<Record<string, object>>
  readonly Labels?: Readonly<Record<string, string>>
  /** Docker's own, with durations in ns. */
  readonly Healthcheck?: { readonly Test: readonly string[]; readonly Interval?: number }
}

/** The source that an image is built from. */
export interface ImageSource {
  /** Folders, or tar archives without compression, the lowest layer first. */
  readonly layers: readonly string[]
  readonly config?: ImageSettings
  /** `gzip` where absent. */
  readonly compression?: keyof typeof compressions
  /** This machine's where absent, in Go's words: `amd64`, `arm64`. */
  readonly architecture?: string
}

interface Descriptor {
  readonly mediaType: string
  readonly digest: string
  readonly size: number
  readonly platform?: object
}

const compressions = {
  none: { suffix: '', transform: (): Transform => new PassThrough() },
  gzip: { suffix: '+gzip', transform: (): Transform => createGzip({ level: 6 }) },
  zstd: { suffix: '+zstd', transform: (): Transform => createZstdCompress() },
} as const

const architecture = process.arch === 'x64' ? 'amd64' : process.arch
const manifestType = 'application/vnd.oci.image.manifest.v1+json'
const indexType = 'application/vnd.oci.image.index.v1+json'

async function writeBlob(layout: string, mediaType: string, content: object): Promise<Descriptor> {
  const text = JSON.stringify(content)
  const hex = createHash('sha256').update(text).digest('hex')
  await writeFile(join(layout, 'blobs/sha256', hex), text)
  return { mediaType, digest: `sha256:${hex}`, size: Buffer.byteLength(text) }
}

/** Archives a folder with everything that a layer can say: owners, modes, devices, attributes. */
async function archive(folder: string, to: string): Promise<void> {
  const same = ['--sort=name', '--mtime=@1600000000', '--numeric-owner', '--format=pax']
  const attributes = ['--xattrs', '--xattrs-include=*', '--pax-option=delete=atime,delete=ctime']
  await runFile('tar', ['-C', folder, ...same, ...attributes, '-cf', to, '.'])
}

async function addLayer(
  layout: string,
  source: string,
  compression: keyof typeof compressions,
): Promise<{ readonly layer: Descriptor; readonly diffId: string }> {
  const temporary = await mkdtemp(join(layout, 'layer-'))
  try {
    let tar = source
    if (statSync(source).isDirectory()) {
      tar = join(temporary, 'tar')
      await archive(source, tar)
    }
    const { suffix, transform } = compressions[compression]
    const [plain, packed] = [createHash('sha256'), createHash('sha256')]
    const blob = join(temporary, 'blob')
    const hashing = async function* (source: AsyncIterable<Buffer>, hash: typeof plain) {
      for await (const chunk of source) {
        hash.update(chunk)
        yield chunk
      }
    }
    await pipeline(
      createReadStream(tar, { highWaterMark: 1024 * 1024 }),
      (chunks) => hashing(chunks, plain),
      transform(),
      (chunks) => hashing(chunks, packed),
      createWriteStream(blob),
    )
    const hex = packed.digest('hex')
    const size = statSync(blob).size
    renameSync(blob, join(layout, 'blobs/sha256', hex))
    const mediaType = `application/vnd.oci.image.layer.v1.tar${suffix}`
    const layer = { mediaType, digest: `sha256:${hex}`, size }
    return { layer, diffId: `sha256:${plain.digest('hex')}` }
  } finally {
    await rm(temporary, { recursive: true })
  }
}

async function addImage(layout: string, source: ImageSource): Promise<Descriptor> {
  const layers: Descriptor[] = []
  const diffIds: string[] = []
  for (const each of source.layers) {
    const { layer, diffId } = await addLayer(layout, each, source.compression ?? 'gzip')
    layers.push(layer)
    diffIds.push(diffId)
  }
  const platform = { architecture: source.architecture ?? architecture, os: 'linux' }
  const config = await writeBlob(layout, 'application/vnd.oci.image.config.v1+json', {
    created: '2020-01-01T00:00:00Z',
    ...platform,
    config: source.config ?? {},
    rootfs: { type: 'layers', diff_ids: diffIds },
  })
  const manifest = { schemaVersion: 2, mediaType: manifestType, config, layers }
  return { ...(await writeBlob(layout, manifestType, manifest)), platform }
}

/**
 * Builds an image into a new OCI layout in `layout`, tagged `latest`; several sources become an
 * index of platforms. Gives the digest of the manifest or index. The same sources give the same
 * digest.
 */
export async function buildLayout(
  layout: string,
  ...sources: readonly ImageSource[]
): Promise<string> {
  await mkdir(join(layout, 'blobs/sha256'), { recursive: true })
  const manifests: Descriptor[] = []
  for (const source of sources) manifests.push(await addImage(layout, source))
  const [first] = manifests
  if (first === undefined) throw new Error('an image is built from at least one source')
  const index = { schemaVersion: 2, mediaType: indexType, manifests }
  const top = manifests.length === 1 ? first : await writeBlob(layout, indexType, index)
  const annotations = { 'org.opencontainers.image.ref.name': 'latest' }
  const list = { schemaVersion: 2, manifests: [{ ...top, annotations }] }
  await writeFile(join(layout, 'index.json'), JSON.stringify(list))
  await writeFile(join(layout, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
  return top.digest
}

/** Where an image goes, and in which manifest format. */
export interface PushOptions {
  /** OCI as it was built, or Docker's schema 2 with layers repacked to gzip. */
  readonly format?: 'oci' | 'docker'
}

/**
 * Pushes a layout's image with skopeo; gives the reference to pull it by,
 * `host:port/name@sha256:…`.
 */
export async function pushLayout(
  registry: Pick<Registry, 'host' | 'caFile' | 'credentials'>,
  layout: string,
  name: string,
  options: PushOptions = {},
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'covey-push-'))
  try {
    const digestFile = join(folder, 'digest')
    const args = ['copy', '--quiet', '--digestfile', digestFile]
    if (options.format === 'docker') args.push('--format', 'v2s2')
    else args.push('--all', '--preserve-digests')
    if (registry.caFile === null) args.push('--dest-tls-verify=false')
    // skopeo trusts every file of that folder which ends in .crt.
    else args.push('--dest-cert-dir', await trustFolder(folder, registry.caFile))
    const who = registry.credentials
    if (who !== null) args.push('--dest-creds', `${who.username}:${who.password}`)
    const image = `docker://${registry.host}/${name}:latest`
    // Nothing that the machine's own skopeo has stored may have a say.
    const env = { PATH: process.env['PATH'] ?? '', HOME: folder, XDG_RUNTIME_DIR: folder }
    const target = ['--insecure-policy', ...args, `oci:${layout}:latest`, image]
    await runFile('skopeo', target, { env })
    return `${registry.host}/${name}@${readFileSync(digestFile, 'utf8').trim()}`
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function trustFolder(folder: string, caFile: string): Promise<string> {
  const trusted = join(folder, 'trusted')
  await mkdir(trusted)
  await writeFile(join(trusted, 'ca.crt'), readFileSync(caFile))
  return trusted
}

/** Builds an image and pushes it at once; gives its reference. */
export async function pushImage(
  registry: Pick<Registry, 'host' | 'caFile' | 'credentials'>,
  name: string,
  source: ImageSource,
  options: PushOptions = {},
): Promise<string> {
  const layout = await mkdtemp(join(tmpdir(), 'covey-layout-'))
  try {
    await buildLayout(layout, source)
    return await pushLayout(registry, layout, name, options)
  } finally {
    await rm(layout, { recursive: true, force: true })
  }
}

/** Writes files of a root file system: path to text. */
export async function writeTree(
  folder: string,
  files: Readonly<Record<string, string>>,
): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true })
    await writeFile(join(folder, path), text)
  }
}
