import type { ComposeProject, ComposeService, Text } from '../../compose/project.ts'
import { looksSecret, secretWords } from '../../compose/texts/secret-names.ts'
import type { Findings } from '../findings.ts'
import type { Member } from '../services/members.ts'

/** Shorter secrets are not looked for in other texts: too much would hold them by chance. */
const valueCharactersMin = 6

const known = new WeakMap<ComposeProject, ReadonlySet<string>>()

/**
 * Looks for secrets in commands and health checks, which stand in the config as written. A word is
 * one by its option (`--requirepass`), or if a variable in it has a value that is secret elsewhere
 * in the project. Faults: `stack-secret`.
 */
export function checkWords({ stack, service }: Member, findings: Findings): void {
  const values = known.get(stack.project) ?? secretValues(stack.project)
  known.set(stack.project, values)
  for (const [key, words] of wordsOf(service)) {
    const byOption = secretWords(words.map(({ value }) => value))
    for (const [index, { value, place, isSensitive }] of words.entries()) {
      const isSecret = byOption[index] === true || (isSensitive && holdsOne(value, values))
      if (isSecret) {
        const message =
          'a secret would stand in the config, which every member reads: set it in environment, ' +
          `and let a shell put it in: ${key}: ["sh", "-c", "exec … $$NAME"]`
        findings.fault(place, 'stack-secret', message, `services.${service.name}.${key}`)
      } else if (isSensitive) {
        const message = `a value of the project's variables stands in the config here: ${key} is not sealed`
        findings.note(place, message)
      }
    }
  }
}

function wordsOf(service: ComposeService): readonly (readonly [string, readonly Text[]])[] {
  const { healthcheck, entrypoint, command } = service
  const test = healthcheck?.kind === 'check' ? healthcheck.command : undefined
  return [
    ['entrypoint', entrypoint ?? []],
    ['command', command ?? []],
    ['healthcheck', test ?? []],
  ]
}

function holdsOne(text: string, values: ReadonlySet<string>): boolean {
  return [...values].some((value) => text.includes(value))
}

/** Values that are secret by their names: of variables, of secrets, of options of commands. */
function secretValues(project: ComposeProject): ReadonlySet<string> {
  const values = new Set<string>()
  // A value that is in plain sight too, as of a user named like its password, cannot be told apart.
  const plain = new Set<string>()
  for (const service of project.services.values()) {
    for (const [name, { value, isSensitive }] of service.environment) {
      if (!looksSecret(name, value)) plain.add(value)
      else if (isSensitive) values.add(value)
    }
    for (const [, words] of wordsOf(service)) {
      const flags = secretWords(words.map(({ value }) => value))
      for (const [index, flag] of flags.entries()) {
        if (flag) values.add(words[index]?.value ?? '')
      }
    }
  }
  for (const { content } of project.secrets.values()) {
    if (content !== undefined) values.add(content.value.trim())
  }
  return new Set(
    [...values].filter((value) => value.length >= valueCharactersMin && !plain.has(value)),
  )
}
