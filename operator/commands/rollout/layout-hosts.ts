import type { OperatorFolder } from '../../folder/folder.ts'
import { notInLayout } from '../../layout/adopting/strange-objects.ts'
import type { VerifiedConfig } from '../../signing/verify.ts'
import { readVariables } from '../../stacks/variables.ts'
import { Failure } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import { type CheckedLayout, compileChecked } from '../config/compile.ts'
import type { Input } from '../definition.ts'

/** Compiles the layout of a folder. Throws as `compileChecked` does, and `other-cluster`. */
export async function compiledLayout(
  session: Session,
  folder: OperatorFolder,
  input: Input,
): Promise<Awaited<ReturnType<typeof compileChecked>>> {
  const compiled = await compileChecked(
    session,
    folder.shown('cluster.yaml'),
    'completed',
    readVariables(input.list('env')),
  )
  if (compiled.cluster === folder.chain.cluster) return compiled
  const message = `cluster.yaml is for "${compiled.cluster}", this folder for "${folder.chain.cluster}"`
  throw new Failure(2, 'other-cluster', message, {
    hint: `set it back: cluster: ${folder.chain.cluster}`,
  })
}

/** Refuses variables for what was compiled before. Throws `Failure`, exit code 2, `usage`. */
export function expectNoVariables(input: Input): void {
  if (input.args[0] === undefined || input.list('env').length === 0) return
  const message = `${input.args[0]} is compiled already, and takes no --env`
  throw new Failure(2, 'usage', message, { hint: 'give it without a file: for the layout' })
}

/** Refuses to remove objects written by hand. Throws `Failure`, exit code 4, `not-in-layout`. */
export function expectAdopted(
  inForce: VerifiedConfig | null,
  { hosts, lock }: Pick<CheckedLayout, 'hosts' | 'lock'>,
): void {
  const strange = notInLayout(inForce?.config.hosts ?? {}, hosts, lock)
  if (strange.length === 0) return
  const named = strange.slice(0, 5).map(({ host, name }) => `${host}/${name}`)
  const more = strange.length > named.length ? ` and ${strange.length - named.length} more` : ''
  const message = `the layout has never had ${named.join(', ')}${more}, and would remove it`
  throw new Failure(4, 'not-in-layout', message, {
    hint: 'covey adopt writes it into the layout',
  })
}
