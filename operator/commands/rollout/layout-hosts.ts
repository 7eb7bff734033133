import type { OperatorFolder } from '../../folder/folder.ts'
import { Failure } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import { compileChecked } from '../config/compile.ts'

/** What the layout of a folder comes to. Throws as `compileChecked` does, and `other-cluster`. */
export async function compiledLayout(
  session: Session,
  folder: OperatorFolder,
): Promise<Awaited<ReturnType<typeof compileChecked>>> {
  const compiled = await compileChecked(session, folder.shown('cluster.yaml'))
  if (compiled.cluster === folder.chain.cluster) return compiled
  const message = `cluster.yaml is for "${compiled.cluster}", this folder for "${folder.chain.cluster}"`
  throw new Failure(2, 'other-cluster', message, {
    hint: `set it back: cluster: ${folder.chain.cluster}`,
  })
}
