import * as z from 'zod'

/** Words for the kinds of values that JSON has. */
const kinds: Readonly<Record<string, string>> = {
  array: 'a list',
  boolean: 'true or false',
  int: 'a whole number',
  null: 'null',
  number: 'a number',
  object: 'an object',
  record: 'an object',
  string: 'a string',
}

/** Units of sizes, by the kind of value. */
const units: Readonly<Record<string, string>> = {
  array: 'entries',
  map: 'entries',
  set: 'entries',
  string: 'characters',
}

type RawIssue = z.core.$ZodRawIssue

/** "at most 3", "at least 3 entries", "more than 3". */
function boundOf(side: 'most' | 'least', issue: RawIssue): string {
  const limit = side === 'most' ? issue['maximum'] : issue['minimum']
  const unit = units[String(issue['origin'])]
  const strict = side === 'most' ? 'less than' : 'more than'
  const words = issue['exact'] ? 'exactly' : issue['inclusive'] === false ? strict : `at ${side}`
  return unit === undefined ? `must be ${words} ${limit}` : `must have ${words} ${limit} ${unit}`
}

/** The fault of a value, to be read behind its path, as "must be at most 100". */
function wordsOf(issue: RawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      if (issue.input === undefined) return 'is missing'
      return `must be ${kinds[issue.expected] ?? issue.expected}`
    case 'invalid_value':
      return `must be ${issue.values.length === 1 ? '' : 'one of '}${issue.values.map(String).join(', ')}`
    case 'too_big':
      return boundOf('most', issue)
    case 'too_small':
      return boundOf('least', issue)
    case 'not_multiple_of':
      return `must be a multiple of ${issue.divisor}`
    case 'invalid_format':
      return issue.format === 'regex'
        ? `must have the form ${issue.pattern}`
        : `must be of the form ${issue.format}`
    case 'unrecognized_keys':
      return `has unknown members: ${issue.keys.join(', ')}`
    case 'invalid_key':
      return `has a member whose name ${issue.issues[0]?.message ?? 'is not allowed'}`
    case 'invalid_union':
      return 'has none of the forms that it may have'
    default:
      return 'is not valid'
  }
}

/**
 * Gives every schema of the process covey's own words for what it finds. A schema's own message
 * goes first. Whoever shows a schema's words to people imports this file.
 */
z.config({ customError: wordsOf })
