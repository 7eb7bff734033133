import { CoveyError } from '../../../protocol/fault.ts'
import { writeWhole } from '../../files/write-file.ts'
import { whileEditing } from '../../folder/edit-lock.ts'
import { openFolder } from '../../folder/folder.ts'
import { readLayout } from '../../folder/layout-files.ts'
import { factKey, lockText, withFacts } from '../../layout/lock.ts'
import { normalReference } from '../../layout/services/image-names.ts'
import { createSecretsOpener } from '../../secrets/open-secrets.ts'
import { imageFact, lookUpImages } from '../../stacks/complete-lock.ts'
import { readStacks } from '../../stacks/read-stacks.ts'
import { Failure, faultsFailure } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import { type Cell, table } from '../../terminal/style.ts'
import type { Input } from '../definition.ts'

/**
 * `covey pull [STACK[/SERVICE]…]`: looks up tags again, shows old and new digests, and keeps new
 * ones in the lock. Hosts pull nothing before the next apply.
 */
export async function pullTags(session: Session, input: Input): Promise<void> {
  const folder = await openFolder(session)
  await whileEditing(session.io, folder, async () => {
    const files = await readLayout(session, folder.shown('cluster.yaml'))
    const { stacks, faults } = await readStacks(session, files)
    if (faults.length > 0) throw faultsFailure(faults)
    const named = new Map<string, string[]>()
    const unknown = new Set(input.args)
    for (const { name: stack, project } of stacks) {
      for (const { name, image } of project.services.values()) {
        const label = stack === '' ? name : `${stack}/${name}`
        const asked = input.args.filter((each) => each === label || (each === stack && each !== ''))
        for (const each of asked) unknown.delete(each)
        const reference = normalReference(image?.value ?? '')
        const isWanted = input.args.length === 0 || asked.length > 0
        if (reference === undefined || !isWanted) continue
        named.set(reference, [...(named.get(reference) ?? []), label])
      }
    }
    const [first] = unknown
    if (first !== undefined) {
      throw new Failure(2, 'no-such-service', `the layout has no stack or service ${first}`, {
        hint: `as in: covey pull ${stacks.find(({ name }) => name !== '')?.name ?? 'shop/web'}`,
      })
    }
    const rows = await lookUp(session, files, named)
    const changes = rows.filter(({ from, to }) => from !== to)
    const facts = Object.fromEntries(rows.map(({ key, fact }) => [key, fact]))
    const lock = withFacts(files.lock, facts)
    await writeWhole(session.io.files, session.path(files.lockPath), lockText(lock))
    const cells = changes.map(({ reference, services, from, to }): readonly Cell[] => [
      services.join(', '),
      reference,
      from?.slice(7, 19) ?? '-',
      to.slice(7, 19),
    ])
    session.result(
      { images: rows.map(({ key: _, fact: __, ...row }) => row) },
      changes.length === 0
        ? `nothing new: ${rows.length === 0 ? 'no image has a tag' : 'all tags are as they were'}\n`
        : `${table(['SERVICE', 'IMAGE', 'OLD', 'NEW'], cells, session.paint)}covey apply brings them to the hosts\n`,
    )
  })
}

interface Row {
  readonly reference: string
  readonly services: readonly string[]
  readonly from: string | null
  readonly to: string
  readonly key: string
  readonly fact: string
}

async function lookUp(
  session: Session,
  { layout, lock }: Awaited<ReturnType<typeof readLayout>>,
  named: ReadonlyMap<string, readonly string[]>,
): Promise<readonly Row[]> {
  const openSecrets = createSecretsOpener(session, layout.secrets)
  const answers = await lookUpImages(session, layout, openSecrets, [...named.keys()])
  const failed = answers.flatMap(({ reference, found }) =>
    found instanceof CoveyError ? [{ reference, found }] : [],
  )
  const [first] = failed
  if (first !== undefined) {
    const { found, reference } = first
    const more = failed.length > 1 ? ` (and ${failed.length - 1} more)` : ''
    const hint = found.hint === undefined ? {} : { hint: found.hint }
    throw new Failure(1, found.code, `${reference}: ${found.message}${more}`, hint)
  }
  return answers.flatMap(({ reference, found }) => {
    if (found instanceof CoveyError) return []
    const key = factKey('image', reference)
    const from = lock.facts.get(key)?.split(' ')[0] ?? null
    const services = named.get(reference) ?? []
    return [{ reference, services, from, to: found.digest, key, fact: imageFact(found) }]
  })
}
