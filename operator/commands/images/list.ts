import { type ImageRow, imagesSchema } from '../../../protocol/api/images.ts'
import { ask, documentOf } from '../../agent-client/client.ts'
import { Failure } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import { type Cell, table } from '../../terminal/style.ts'
import { sizeText } from './progress.ts'

/** `covey image list`. */
export async function showImages(session: Session): Promise<void> {
  const document = documentOf(session, await ask(session, { method: 'GET', path: '/v1/images' }))
  const parsed = imagesSchema.safeParse(document)
  if (!parsed.success) {
    throw new Failure(1, 'answer-broken', 'the agent listed its images in an unknown form', {
      hint: 'use the covey of the same version as the agent',
    })
  }
  const { images } = parsed.data
  if (images.length === 0) return session.result(document, 'there are no images on this host\n')
  const rows = images.flatMap((image) => rowsOf(image))
  const heads = ['IMAGE', 'DIGEST', 'SIZE', 'LAYERS', 'USED BY']
  session.result(document, table(heads, rows, session.paint))
}

/** A row for each name; what follows the first name says the rest again by a mere name. */
function rowsOf(image: ImageRow): readonly (readonly Cell[])[] {
  const { digest, layers, unpacked_bytes, used_by } = image
  const named = image.references.map((text) => {
    const [name = '', of = digest] = text.split('@')
    return { name, digest: of }
  })
  const names = named.length === 0 ? [{ name: '(no name)', digest }] : named
  const user: Cell = used_by.length === 0 ? { text: 'unused', tone: 'quiet' } : used_by.join(', ')
  return names.map((each) => [
    each.name,
    each.digest,
    sizeText(unpacked_bytes),
    String(layers),
    user,
  ])
}
