import type { ErrorCode, YAMLError } from 'yaml'

/** The faults, by the codes that the parser gives them; its own sentences are for programmers. */
export const reasons: Readonly<Record<ErrorCode, string>> = {
  ALIAS_PROPS: 'an alias (*NAME) cannot have an anchor (&) or a tag (!)',
  BAD_ALIAS: 'the name after & or * is missing, or ends in a colon',
  BAD_COLLECTION_TYPE: 'this tag (!) does not fit its value',
  BAD_DIRECTIVE: 'unknown directive: remove this line, which begins with %',
  BAD_DQ_ESCAPE: 'unknown escape with \\: use single quotes, or write \\\\',
  BAD_INDENT: 'the indentation does not fit the lines around it',
  BAD_PROP_ORDER: 'an anchor (&) or a tag (!) is in the wrong place',
  BAD_SCALAR_START: 'a text cannot begin with this character: put it in quotes',
  BLOCK_AS_IMPLICIT_KEY: 'a map or a list cannot begin in the middle of a line: put it in quotes',
  BLOCK_IN_FLOW: 'inside { } and [ ] use only { }, [ ] and commas',
  DUPLICATE_KEY: 'this key stands in its map already: remove one of the two',
  IMPOSSIBLE: 'this is not YAML',
  KEY_OVER_1024_CHARS: 'this key is longer than 1024 characters',
  MISSING_CHAR: 'something is missing here: a colon, a comma, a space, a bracket or a hyphen',
  MULTILINE_IMPLICIT_KEY: 'a key and its colon must be on one line',
  MULTIPLE_ANCHORS: 'it has two anchors (&)',
  MULTIPLE_DOCS: 'another document begins here: a layout is a single document',
  MULTIPLE_TAGS: 'it has two tags (!)',
  NON_STRING_KEY: 'a key must be a string: put it in quotes',
  RESOURCE_EXHAUSTION: 'it is nested too deeply',
  TAB_AS_INDENT: 'a tab cannot indent: use spaces',
  TAG_RESOLVE_FAILED: 'unknown tag (!), or its value does not fit',
  UNEXPECTED_TOKEN: 'this does not belong here',
}

/** A fault of the syntax of `text` in covey's own words. */
export function yamlReason({ code, message, pos: [position] }: YAMLError, text: string): string {
  const line = text.slice(text.lastIndexOf('\n', position - 1) + 1, position + 1)
  if (hasBareVariable(line)) return 'inside { } and [ ] a variable in braces needs quotes'
  if (code === 'MISSING_CHAR' && /quote/.test(message)) return 'the closing quote is missing'
  if (code === 'BAD_INDENT' && /end with/.test(message)) return 'a closing } or ] is missing'
  return Object.hasOwn(reasons, code) ? reasons[code] : reasons.IMPOSSIBLE
}

/** True if a line has `${` without quotes inside of a `{ }` or `[ ]` that begins on it. */
function hasBareVariable(line: string): boolean {
  let depth = 0
  let quote = ''
  for (let index = 0; index < line.length; index += 1) {
    const sign = line[index] ?? ''
    if (quote !== '') {
      if (sign === quote) quote = ''
    } else if (sign === '"' || sign === "'") quote = sign
    else if (sign === '{' && line[index - 1] === '$' && depth > 0) return true
    else if (sign === '{' || sign === '[') depth += 1
    else if (sign === '}' || sign === ']') depth -= 1
  }
  return false
}

/**
 * The reason why a document that is sound YAML has no value: its aliases, its merge keys or its
 * depth.
 */
export function valueReason(error: unknown): string {
  if (error instanceof RangeError) return reasons.RESOURCE_EXHAUSTION
  const message = error instanceof Error ? error.message : ''
  if (/alias count/i.test(message)) return 'its aliases (*) make it too large'
  if (/merge/i.test(message)) return 'a merge key (<<) needs a map, or an alias (*) of one'
  return reasons.IMPOSSIBLE
}
