import type { Healthcheck, Text } from '../project.ts'
import { splitCommand } from '../texts/command-words.ts'
import { secretWords } from '../texts/secret-names.ts'
import type { Leaf } from '../yaml/tree.ts'
import type { Cursor } from './cursor.ts'

/**
 * A command or entrypoint: undefined where absent, `[]` where emptied on purpose (`""`, `[]`; for
 * an entrypoint also `[""]`).
 */
export function readCommand(
  cursor: Cursor,
  kind: 'command' | 'entrypoint',
): readonly Text[] | undefined {
  const { tree } = cursor
  if (tree === undefined || cursor.isAbsent) return undefined
  const words = tree.kind === 'leaf' ? wordsOf(cursor, tree) : listed(cursor)
  if (words === undefined) return undefined
  const isEmptied = kind === 'entrypoint' && words.length === 1 && words[0]?.value === ''
  return isEmptied ? [] : withSecrets(words)
}

function wordsOf(cursor: Cursor, leaf: Leaf): readonly Text[] | undefined {
  const split = splitCommand(leaf.text)
  if (split === undefined) {
    return cursor.fault(`a quote or a bracket is not closed: ${cursor.shown}`)
  }
  if (split.cut !== undefined) {
    cursor.note(
      `no shell reads this, and Compose leaves out all from "${split.cut}" on: write ["sh", "-c", "…"]`,
    )
  }
  const { place } = leaf
  return split.words.map((value) => ({ value, isSensitive: isFrom(value, leaf), place }))
}

/**
 * Tells whether a sensitive variable may be in a word. A value without signs that splitting looks
 * at stays whole, so it is in the words that hold it, and in no others.
 */
function isFrom(word: string, leaf: Leaf): boolean {
  return leaf.variables.some(
    ({ value, isSensitive }) =>
      isSensitive && value !== '' && (/[\s\\"'`();&|<>]/.test(value) || word.includes(value)),
  )
}

function listed(cursor: Cursor): readonly Text[] | undefined {
  const words = cursor.items().map((item) => ({ item, word: item.rich() }))
  for (const { item, word } of words)
    if (word === undefined && item.isAbsent) item.fault('is empty')
  return words.flatMap(({ word }) => (word === undefined ? [] : [word]))
}

function withSecrets(words: readonly Text[]): readonly Text[] {
  const secret = secretWords(words.map(({ value }) => value))
  return words.map((word, at) => (secret[at] === true ? { ...word, isSensitive: true } : word))
}

/** Reads the health check of a service, in all forms; undefined without one. */
export function readHealthcheck(cursor: Cursor): Healthcheck | undefined {
  if (cursor.isAbsent) return undefined
  const test = readTest(cursor.at('test'))
  if (test === 'none' || cursor.at('disable').boolean() === true) return { kind: 'none' }
  const retries = cursor.at('retries').integer()
  const check = {
    kind: 'check',
    command: test,
    intervalSeconds: nonZero(cursor.at('interval').seconds()),
    timeoutSeconds: nonZero(cursor.at('timeout').seconds()),
    startSeconds: cursor.at('start_period').seconds(),
    startIntervalSeconds: nonZero(cursor.at('start_interval').seconds()),
    retries: nonZero(retries),
  } as const
  const isBare = Object.values(check).every((value) => value === undefined || value === 'check')
  return isBare ? undefined : check
}

/** 0 means the default, as the engine has it. */
function nonZero(value: number | undefined): number | undefined {
  return value === 0 ? undefined : value
}

function readTest(cursor: Cursor): readonly Text[] | 'none' | undefined {
  if (cursor.isAbsent) return undefined
  if (cursor.tree?.kind === 'leaf') {
    const text = cursor.rich()
    if (text === undefined || text.value === '') return undefined
    return text.value === 'NONE' ? 'none' : shell(text)
  }
  const [kind, ...words] = listed(cursor) ?? []
  if (kind === undefined) return undefined
  if (kind.value === 'NONE') return 'none'
  if (kind.value === 'CMD' && words.length > 0) return withSecrets(words)
  const [line] = words
  if (kind.value === 'CMD-SHELL' && line !== undefined) return shell(line)
  return cursor.fault('begins with CMD, CMD-SHELL or NONE, and CMD needs a program after it')
}

function shell(line: Text): readonly Text[] {
  const { place } = line
  const plain = (value: string): Text => ({ value, isSensitive: false, place })
  return [plain('/bin/sh'), plain('-c'), line]
}
