import type { ComposeProject, ComposeService, Text } from '../../compose/project.ts'
import { looksSecret, secretWords } from '../../compose/texts/secret-names.ts'
import type { Member } from '../services/members.ts'
import { objectName } from '../services/object-names.ts'
import type { SealedContent } from './contents.ts'
import type { Fields } from './hardening.ts'

/** Shorter secrets are not looked for in other texts: too much would hold them by chance. */
const valueCharactersMin = 6

/** Stands in the config where the word itself is sealed. */
const sealedWord = '(sealed)'

/** The words of a service's commands that do not stand in the config. */
export interface HiddenWords {
  /** A command as the config has it. */
  shown(words: readonly Text[]): readonly string[]
  /** Undefined where there are none. */
  readonly sealed: SealedContent | undefined
  /** The fields by which the container uses it. */
  readonly use: Fields | undefined
}

const known = new WeakMap<ComposeProject, ReadonlySet<string>>()

/**
 * Finds the words of commands and health checks that are sealed: those with a value of the
 * project's variables, those that follow an option such as `--requirepass`, and those that hold
 * what is a secret elsewhere in the project.
 */
export function hiddenWordsOf(member: Member): HiddenWords {
  const { stack, service, label } = member
  const values = valuesOf(stack.project)
  const texts = new Map<string, string>()
  const hidden = new Set<Text>()
  for (const [field, words] of wordsOf(service)) {
    const byOption = secretWords(words.map(({ value }) => value))
    for (const [index, word] of words.entries()) {
      const { value, isSensitive } = word
      const isSecret = byOption[index] === true || isSecretLine(value) || holdsOne(value, values)
      if (!isSensitive && !isSecret) continue
      hidden.add(word)
      texts.set(`${field}.${index}`, value)
    }
  }
  const shown = (words: readonly Text[]): readonly string[] =>
    words.map((word) => (hidden.has(word) ? sealedWord : word.value))
  if (texts.size === 0) return { shown, sealed: undefined, use: undefined }
  const object = objectName(stack.name, service.name, '_w')
  const words = [...texts.keys()]
  const sealed: SealedContent = {
    object,
    content: { kind: 'text', text: JSON.stringify(Object.fromEntries(texts)) },
    variables: words,
    text: `the commands of ${label}`,
  }
  return { shown, sealed, use: { secret: object, words } }
}

/** A line for a shell with a secret that it does not take from a variable. */
function isSecretLine(text: string): boolean {
  const words = text.split(/[\s"']+/)
  if (words.length === 1) return false
  return secretWords(words.map((word) => (word.includes('$') ? '' : word))).includes(true)
}

/** True for a value that is a secret somewhere in a project, or a part of one. */
export function isSecretIn(project: ComposeProject, value: string): boolean {
  const isPart = value.length >= valueCharactersMin
  return [...valuesOf(project)].some((each) => each === value || (isPart && each.includes(value)))
}

function valuesOf(project: ComposeProject): ReadonlySet<string> {
  const values = known.get(project) ?? secretValues(project)
  known.set(project, values)
  return values
}

/** Commands of a service, by the fields of its container. */
function wordsOf(service: ComposeService): readonly (readonly [string, readonly Text[]])[] {
  const { healthcheck, entrypoint, command } = service
  const test = healthcheck?.kind === 'check' ? healthcheck.command : undefined
  return [
    ['command', entrypoint ?? []],
    ['args', command ?? []],
    ['health', test ?? []],
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
