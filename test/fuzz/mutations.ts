import fc from 'fast-check'

/** A change of a text. The number chooses where. */
type TextChange = (text: string, where: number) => string

const at = (text: string, where: number): number => where % (text.length + 1)
const splice = (text: string, from: number, drop: number, put: string): string =>
  text.slice(0, from) + put + text.slice(from + drop)
/** Replaces one match of a pattern, chosen by number. */
const replaceOne = (
  text: string,
  where: number,
  pattern: RegExp,
  put: (found: string) => string,
): string => {
  const found = [...text.matchAll(pattern)]
  const match = found[where % Math.max(1, found.length)]
  if (match === undefined) return text
  return splice(text, match.index, match[0].length, put(match[0]))
}
const numbers = /(?<=[:,[])-?\d+(?=[,\]}])/g

/** The changes of a text of JSON. Each keeps some texts valid and breaks others. */
const jsonChanges: readonly TextChange[] = [
  (text, where) => splice(text, at(text, where), 0, ' '),
  (text, where) => replaceOne(text, where, /[{}[\],:]/g, (found) => `\n${found}\t`),
  (text, where) => splice(text, at(text, where), 1, ''),
  (text, where) => splice(text, at(text, where), 1, String.fromCharCode(32 + (where % 95))),
  (text, where) =>
    replaceOne(text, where, /(?<=")[a-z]/g, (c) => `\\u00${c.charCodeAt(0).toString(16)}`),
  (text, where) => replaceOne(text, where, numbers, (number) => `${number}.0`),
  (text, where) => replaceOne(text, where, numbers, (number) => `${number}e0`),
  (text, where) => replaceOne(text, where, numbers, () => '-0'),
  (text, where) => replaceOne(text, where, numbers, () => '9007199254740993'),
  (text, where) => replaceOne(text, where, numbers, () => '4294967296'),
  (text, where) => replaceOne(text, where, numbers, () => String((where % 5) - 1)),
  (text, where) => replaceOne(text, where, /"[a-z_]+":/g, (name) => `${name}1,${name}`),
  (text, where) => replaceOne(text, where, /"[a-z_]+":/g, (name) => `"__proto__":1,${name}`),
  (text, where) => replaceOne(text, where, /"[a-z_]+":/g, (name) => `"7":1,${name}`),
  (text, where) => replaceOne(text, where, /\{/g, () => `{"7":1,`),
  (text, where) => replaceOne(text, where, /\{/g, () => `{"more":"é\\ud800",`),
  (text, where) =>
    replaceOne(text, where, numbers, () => '['.repeat(where % 40) + ']'.repeat(where % 40)),
  (text, where) => replaceOne(text, where, /"[^"]*"/g, () => 'null'),
  (text, where) => replaceOne(text, where, /sha256:[0-9a-f]/g, (digest) => digest.toUpperCase()),
  (text) => `\ufeff${text}`,
]

/** The changes of a base64url text. */
const spellingChanges: readonly TextChange[] = [
  (text) => `${text}=`,
  (text) => text.replaceAll('-', '+').replaceAll('_', '/'),
  (text, where) => text.slice(0, -1) + 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'.charAt(where % 26),
  (text, where) => splice(text, at(text, where), 1, 'A'),
  (text) => text.slice(0, -1),
  (text) => `${text}AA`,
  (text, where) => splice(text, at(text, where), 0, ' '),
  () => '',
  (text) => text + 'A'.repeat(1024),
]

function changes(of: readonly TextChange[]): fc.Arbitrary<(text: string) => string> {
  return fc.record({ change: fc.nat(of.length - 1), where: fc.nat(100_000) }).map(
    ({ change, where }) =>
      (text) =>
        of[change]?.(text, where) ?? text,
  )
}

/** Changes of a text of JSON, mostly none. */
export const jsonChange: fc.Arbitrary<(text: string) => string> = fc.oneof(
  { weight: 3, arbitrary: fc.constant((text: string) => text) },
  { weight: 2, arbitrary: changes(jsonChanges) },
)

/** Changes of base64url, mostly none. */
export const spellingChange: fc.Arbitrary<(text: string) => string> = fc.oneof(
  { weight: 12, arbitrary: fc.constant((text: string) => text) },
  { weight: 1, arbitrary: changes(spellingChanges) },
)
