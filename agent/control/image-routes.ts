import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import type { LoadedImage } from '../../machine/images/archive/load.ts'
import type { Images } from '../../machine/images/images.ts'
import type { PullProgress } from '../../machine/images/pull/pull-image.ts'
import { CoveyError } from '../../protocol/fault.ts'
import { isDigest } from '../../protocol/names.ts'
import { parseReference, referenceText } from '../../reconcilers/images/reference.ts'
import { Problem } from './problem.ts'
import type { Route } from './router.ts'
import { sendJson } from './send.ts'
import { failedEvent, feedTo } from './streams/feed.ts'

/** Routes of `covey.sock` about images: looking. */
export function imageRoutes(images: Images): ReadonlyMap<string, Route> {
  return new Map<string, Route>([
    [
      'GET /v1/images',
      async (_request, response) => sendJson(response, 200, { images: await images.list() }),
    ],
  ])
}

/** Routes of `admin.sock` about images: what needs root, because it fills and empties the disk. */
export function imageAdminRoutes(images: Images): ReadonlyMap<string, Route> {
  return new Map<string, Route>([
    ['POST /v1/images/pull', (_request, response, url) => pull(images, response, url)],
    ['POST /v1/images/load', (request, response) => load(images, request, response)],
    ['GET /v1/images/archive', (_request, response, url) => save(images, response, url)],
    [
      'POST /v1/images/prune',
      async (_request, response) => {
        const { images: removed, bytes } = await images.prune().catch(refused)
        sendJson(response, 200, {
          removed: removed.map(({ manifest, references }) => ({ digest: manifest, references })),
          bytes,
        })
      },
    ],
  ])
}

function refused(error: unknown): never {
  if (!(error instanceof CoveyError)) throw error
  throw Problem.of(error, 409)
}

function progressEvent(progress: PullProgress): object {
  const { layers, layersDone, bytes, bytesDone } = progress
  return { event: 'progress', layers, layers_done: layersDone, bytes, bytes_done: bytesDone }
}

async function pull(images: Images, response: ServerResponse, url: URL): Promise<void> {
  const text = url.searchParams.get('reference') ?? ''
  const reference = parseReference(text)
  if (!reference.ok) {
    throw new Problem(400, reference.fault.code, `${text || 'the name'} ${reference.fault.message}`)
  }
  const feed = feedTo(response)
  feed.follow(() => {
    const state = images.progress(reference.value)
    const progress = state?.state === 'pulling' ? state.progress : null
    return progress === null ? null : progressEvent(progress)
  })
  try {
    const record = await images.pull(reference.value, feed.signal)
    const listed = (await images.list()).find(({ digest }) => digest === record.manifest)
    feed.end({ event: 'done', reference: referenceText(reference.value), image: listed ?? null })
  } catch (error) {
    feed.end(failedEvent(error))
  }
}

async function load(
  images: Images,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const feed = feedTo(response)
  try {
    const onImage = (_digest: string, ask: () => PullProgress): void =>
      feed.follow(() => progressEvent(ask()))
    // Whoever stops reading early must not cut the sender off: see `rest`.
    const archive: AsyncIterable<Uint8Array> = request.iterator({ destroyOnReturn: false })
    const loaded = await images.load(archive, { signal: feed.signal, onImage })
    feed.end({ event: 'done', images: loaded.map(loadedRow) })
  } catch (error) {
    feed.end(failedEvent(error), rest(request))
  }
}

/** The rest of what is sent is read and thrown away: a sender that is cut off hears no answer. */
async function rest(request: IncomingMessage): Promise<void> {
  try {
    for await (const _ of request);
  } catch {
    // The sender has heard enough.
  }
}

function loadedRow({ record, digest, references }: LoadedImage): object {
  return { references, digest, manifest: record.manifest, layers: record.layers.length }
}

async function save(images: Images, response: ServerResponse, url: URL): Promise<void> {
  const text = url.searchParams.get('reference') ?? ''
  const reference = parseReference(text)
  const digest = isDigest(text) ? text : reference.ok ? reference.value.digest : null
  if (digest === null) {
    throw new Problem(400, 'image-reference', `${text || 'the name'} has no sha256: digest`)
  }
  const archive = await images.save(digest).catch(refused)
  response.writeHead(200, { 'content-type': 'application/x-tar', 'cache-control': 'no-store' })
  await pipeline(archive, response)
}
