import { open } from 'node:fs/promises'
import * as z from 'zod'
import { Failure, systemReason } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import type { Input } from '../definition.ts'
import { followFeed } from './feed.ts'
import { type ProgressLine, progressLine, sizeText } from './progress.ts'

interface Loaded {
  readonly images: readonly {
    readonly references: readonly string[]
    readonly digest: string
  }[]
}

const loadedSchema: z.ZodType<Loaded> = z.object({
  images: z.array(z.object({ references: z.array(z.string()), digest: z.string() })),
})

/** Progress of sending is told whenever this much more has been sent. */
const sentStepBytes = 4 * 1024 * 1024

/** `covey image load FILE|-`. */
export async function loadImages(session: Session, input: Input): Promise<void> {
  const file = input.args[0] ?? ''
  const chunks = await openArchive(session, file)
  const progress = progressLine(session)
  const body = counted(chunks, file, session, progress)
  try {
    const question = { method: 'POST', path: '/v1/images/load', body } as const
    const document = await followFeed(
      session,
      { ...question, contentType: 'application/x-tar' },
      progress.show,
    )
    progress.end()
    session.result(document, textOf(document))
  } catch (error) {
    progress.end()
    throw error
  }
}

async function openArchive(session: Session, file: string): Promise<AsyncIterable<Uint8Array>> {
  if (file === '-') {
    if (session.io.canAsk) {
      throw new Failure(2, 'usage', 'an archive cannot be read from a terminal', {
        hint: 'covey image load FILE, or pipe it: docker save web | covey image load -',
      })
    }
    return session.io.stdin
  }
  try {
    const handle = await open(session.path(file), 'r')
    if ((await handle.stat()).isDirectory()) {
      await handle.close()
      throw Object.assign(new Error('it is a folder, not a file'), { code: 'EISDIR' })
    }
    return handle.createReadStream({ highWaterMark: 256 * 1024 })
  } catch (error) {
    throw new Failure(2, 'file-unreadable', `cannot read ${file}: ${systemReason(error)}`, {
      hint: 'give the path of an OCI archive, or of the output of docker save',
      cause: error,
    })
  }
}

async function* counted(
  chunks: AsyncIterable<Uint8Array>,
  file: string,
  session: Session,
  progress: ProgressLine,
): AsyncGenerator<Uint8Array> {
  let bytes = 0
  let told = 0
  for await (const chunk of chunks) {
    bytes += chunk.length
    yield chunk
    if (session.io.errIsTerminal && bytes - told >= sentStepBytes) {
      progress.say(`sending ${file}: ${sizeText(bytes)}`)
      told = bytes
    }
  }
  progress.say(`unpacking ${file}`)
}

/**
 * The references by which a config may name each image: the digest decides, so one without a name
 * takes any.
 */
function textOf(document: unknown): string {
  const parsed = loadedSchema.safeParse(document)
  if (!parsed.success) return 'loaded\n'
  const lines = parsed.data.images.flatMap(({ references, digest }) => {
    if (references.length > 0) return references.map((each) => `loaded ${each}\n`)
    return [`loaded ${digest}; it has no name: a config may call it NAME@${digest}\n`]
  })
  return lines.join('')
}
