import { isName } from '../../../protocol/names.ts'
import { whileEditing } from '../../folder/edit-lock.ts'
import { type OperatorFolder, openFolder } from '../../folder/folder.ts'
import { secretBytesMax } from '../../limits.ts'
import { readRecipients } from '../../secrets/operator-cards.ts'
import { openVault, type Vault } from '../../secrets/vault.ts'
import { Failure, systemReason } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import { type Cell, counted, table } from '../../terminal/style.ts'
import type { Input } from '../definition.ts'

interface Open {
  readonly folder: OperatorFolder
  readonly vault: Vault
  readonly without: readonly string[]
}

async function open(session: Session): Promise<Open> {
  const folder = await openFolder(session)
  const who = await readRecipients(session, folder)
  return { folder, vault: openVault(folder, who), without: who.without }
}

/** `covey secret set NAME [VALUE]`: the content from stdin, which no list of processes shows. */
export async function setSecret(session: Session, input: Input): Promise<void> {
  const [name = ''] = input.args
  expectName(name)
  const { folder, vault, without } = await open(session)
  const content = await contentFor(session, input, name)
  await whileEditing(session.io, folder, () => vault.seal(name, content))
  for (const operator of without) {
    session.warn(`${operator} cannot read it: let ${operator} run covey secret list, then reseal`)
  }
  session.result({ name, bytes: content.length }, `${name}: set; covey apply brings it to hosts\n`)
}

async function contentFor(session: Session, input: Input, name: string): Promise<Uint8Array> {
  const { io } = session
  const file = input.text('file')
  if (file !== undefined) return checked(name, await fileContent(session, file))
  if (io.canAsk) {
    const line = await io.ask(`${name}: `)
    return checked(name, Buffer.from(line))
  }
  const chunks: Uint8Array[] = []
  let bytes = 0
  for await (const chunk of io.stdin) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes > secretBytesMax) break
  }
  return checked(name, Buffer.concat(chunks))
}

async function fileContent(session: Session, file: string): Promise<Uint8Array> {
  try {
    return await session.io.files.read(session.path(file), secretBytesMax + 1)
  } catch (error) {
    throw new Failure(2, 'file-unreadable', `cannot read ${file}: ${systemReason(error)}`, {
      hint: 'give the path of the file that holds the secret',
    })
  }
}

function checked(name: string, content: Uint8Array): Uint8Array {
  if (content.length === 0) {
    throw new Failure(2, 'secret-empty', `there is no content for ${name}`, {
      hint: `printf %s VALUE | covey secret set ${name}`,
    })
  }
  return content
}

/** `covey secret remove NAME`. */
export async function removeSecret(session: Session, input: Input): Promise<void> {
  const [name = ''] = input.args
  expectName(name)
  const { folder, vault } = await open(session)
  const had = await whileEditing(session.io, folder, () => vault.remove(name))
  if (!had)
    throw new Failure(2, 'no-such-secret', `there is no secret ${name}`, {
      hint: 'covey secret list',
    })
  session.result({ name }, `${name}: removed here; hosts keep it until the next apply\n`)
}

/** `covey secret list`: names and who can read them, never content. */
export async function listSecrets(session: Session): Promise<void> {
  const { vault, without } = await open(session)
  const rows = await Promise.all(
    (await vault.list()).map(async (name) => ({
      name,
      unreadable_for: await vault.lockedOut(name),
    })),
  )
  const cells = rows.map(({ name, unreadable_for: locked }): readonly Cell[] => [
    name,
    locked.length === 0 ? 'all operators' : { text: `not ${locked.join(', ')}`, tone: 'bad' },
  ])
  const none = 'no secrets: covey secret set NAME keeps one\n'
  session.result(
    { secrets: rows, operators_without_card: without },
    rows.length === 0 ? none : table(['NAME', 'READABLE TO'], cells, session.paint),
  )
}

/** `covey secret reseal`: all secrets to the operators of now. */
export async function resealSecrets(session: Session): Promise<void> {
  const { folder, vault } = await open(session)
  const names = await vault.list()
  await whileEditing(session.io, folder, async () => {
    for (const name of [...names, '.digest-key']) {
      const content = await vault.open(name)
      if (content !== undefined) await vault.seal(name, content)
    }
  })
  session.result({ secrets: names }, `${counted(names.length, 'secret')} sealed to all operators\n`)
}

function expectName(name: string): void {
  if (isName(name)) return
  throw new Failure(2, 'name', `"${name}" cannot name a secret`, {
    hint: 'as in: covey secret set db_password',
  })
}
