import { createHash } from 'node:crypto'
import type { ComposeProject } from '../compose/project.ts'
import { looksSecret } from '../compose/texts/secret-names.ts'
import { type Lock, variableFact } from '../layout/lock.ts'
import { isSecretIn } from '../layout/objects/secret-words.ts'
import { objectName } from '../layout/services/object-names.ts'
import { variableBytesMax, variablesGivenMax } from '../limits.ts'
import type { OpenSecrets } from '../secrets/open-secrets.ts'
import { keyedDigest } from '../secrets/seal.ts'
import { Failure } from '../terminal/failure.ts'

/** Variables that stand in for files: those of the command line, then those that the lock keeps. */
export interface GivenVariables {
  readonly values: ReadonlyMap<string, string>
  /** Names of those of the command line. */
  readonly given: ReadonlySet<string>
}

/** The variables of a stack to keep. */
export interface KeptVariables {
  /** Facts of the lock. */
  readonly facts: Readonly<Record<string, string>>
  /** Contents for the operator's vault, by the names that they have there. */
  readonly secrets: ReadonlyMap<string, string>
}

/** Opens the secrets of a layout. */
export type Opener = () => Promise<OpenSecrets>

/** Values of `--env NAME=VALUE`. Throws `Failure` `variable`, exit code 2. */
export function readVariables(texts: readonly string[]): ReadonlyMap<string, string> {
  const values = new Map<string, string>()
  for (const text of texts) {
    const [, name, value] = /^([A-Za-z_][A-Za-z0-9_]*)=(.*)$/s.exec(text) ?? []
    if (name === undefined || value === undefined) throw unfit(text)
    if (values.has(name)) throw fault(`--env ${name} is given twice`, 'give it once')
    if (value.includes('\0') || Buffer.byteLength(value) > variableBytesMax) {
      const message = `the value of --env ${name} has more than ${variableBytesMax} bytes, or a NUL`
      throw fault(message, 'put it in a file, and name that in secrets or configs')
    }
    values.set(name, value)
  }
  if (values.size > variablesGivenMax) {
    throw fault(`more than ${variablesGivenMax} --env`, 'put them in a file: env_file of the stack')
  }
  return values
}

function unfit(text: string): Failure {
  const name = /^[A-Za-z_][A-Za-z0-9_]*$/.exec(text)?.[0]
  // What stands there may be a value, so no more of it is shown than a name.
  const message = name === undefined ? '--env is NAME=VALUE' : `--env ${name} has no value`
  return fault(message, 'as in: --env TAG=1.5; covey takes no variables from the shell')
}

function fault(message: string, hint: string): Failure {
  return new Failure(2, 'variable', message, { hint })
}

/**
 * Name in the operator's vault of a variable that is a secret. Its digest tells those apart that
 * read alike: `B_KEY` of the stack `a` and `KEY` of `a-b`, or names of other case.
 */
function vaultName(stack: string, name: string): string {
  const digest = createHash('sha256').update(`${stack}/${name}`).digest('hex').slice(0, 8)
  return objectName(`env-${stack === '' ? 'services' : stack}`, `${name}-${digest}`)
}

/**
 * The variables of a stack beyond its files: the lock's own and, over them, those of the command
 * line. Throws as `contentOf` does, and `variable` for a fact that nobody wrote.
 */
export async function variablesOf(
  stack: string,
  given: ReadonlyMap<string, string>,
  lock: Lock,
  open: Opener | undefined,
): Promise<GivenVariables> {
  const values = new Map<string, string>()
  const start = variableFact(stack, '')
  for (const [key, fact] of lock.facts) {
    if (!key.startsWith(start)) continue
    const name = key.slice(start.length)
    if (given.has(name)) continue
    if (!fact.startsWith('sealed ')) values.set(name, plainValue(key, fact))
    // A check of the layout alone needs no key: no such value stands in the config.
    else if (open === undefined) values.set(name, `(${name})`)
    else
      values.set(
        name,
        Buffer.from(await (await open()).contentOf(vaultName(stack, name))).toString(),
      )
  }
  return { values: new Map([...values, ...given]), given: new Set(given.keys()) }
}

function plainValue(key: string, fact: string): string {
  try {
    const value: unknown = JSON.parse(fact)
    if (typeof value === 'string') return value
  } catch {
    // Told below.
  }
  throw new Failure(2, 'variable', `the value of ${key} in the lock is no text in quotes`, {
    hint: 'remove the line, and give it again with --env',
  })
}

/**
 * The variables of the command line that a stack takes, as covey keeps them. One that is a secret,
 * or a part of one, goes into the operator's vault, and the lock has a keyed digest.
 */
export async function keptVariables(
  stack: string,
  { values, given }: GivenVariables,
  project: ComposeProject,
  open: Opener,
): Promise<KeptVariables> {
  const facts: Record<string, string> = {}
  const secrets = new Map<string, string>()
  for (const name of given) {
    const value = values.get(name)
    if (value === undefined || !project.variables.has(name)) continue
    if (!looksSecret(name, value) && !isSecretIn(project, value)) {
      facts[variableFact(stack, name)] = JSON.stringify(value)
      continue
    }
    const { clusterId, digestKey } = await open()
    const object = vaultName(stack, name)
    const bound = { host: '', object, sealingKey: '' }
    const digest = keyedDigest(await digestKey(), Buffer.from(value), bound, clusterId)
    facts[variableFact(stack, name)] = `sealed ${digest}`
    secrets.set(object, value)
  }
  return { facts, secrets }
}

/** Refuses variables that no stack takes: a name with a slip in it would do nothing. */
export function expectTaken(
  given: ReadonlyMap<string, string>,
  projects: readonly ComposeProject[],
): void {
  const unused = [...given.keys()].filter(
    (name) => !projects.some(({ variables }) => variables.has(name)),
  )
  if (unused.length === 0) return
  const message = `no Compose file of the layout takes ${unused.join(', ')}`
  throw fault(message, `see what stands after --env; a file takes it as \${NAME}`)
}
