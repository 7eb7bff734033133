import type { GrantEntry, Text } from '../../compose/project.ts'
import type { Findings } from '../findings.ts'
import { labelOf, type Member } from '../services/members.ts'
import { objectName } from '../services/object-names.ts'
import type { Fields } from './hardening.ts'
import { withoutUndefined } from './process.ts'
import type { HiddenWords } from './secret-words.ts'

/** Content to seal for a container, before its host is known. */
export interface SealedContent {
  /** Name of the `secret` object. */
  readonly object: string
  readonly content:
    | { readonly kind: 'text'; readonly text: string }
    /** A secret of the layout, by its name there. */
    | { readonly kind: 'named'; readonly name: string }
  /** Names of the variables in it; empty for a file. */
  readonly variables: readonly string[]
  /** For people: `the secret shop/key`. */
  readonly text: string
}

/** Variables, files and secrets of a container. */
export interface Contents {
  readonly env: Readonly<Record<string, string>>
  readonly files: readonly Fields[]
  readonly secrets: readonly Fields[]
  readonly sealed: readonly SealedContent[]
}

/** Splits what a service is given into what the config may show and what is sealed. */
export function contentsOf(
  member: Member,
  words: HiddenWords,
  named: ReadonlySet<string>,
  findings: Findings,
): Contents {
  const { service, label } = member
  const variables = [...service.environment].sort(([a], [b]) => (a < b ? -1 : 1))
  const valuesOf = (isSensitive: boolean): readonly (readonly [string, string])[] =>
    variables
      .filter(([, text]) => text.isSensitive === isSensitive)
      .map(([name, { value }]) => [name, value] as const)
  const hidden = valuesOf(true)
  const files: Fields[] = []
  const secrets: Fields[] = []
  const sealed: SealedContent[] = []
  if (hidden.length > 0) {
    const object = objectName(member.stack.name, service.name, '_e')
    secrets.push({ secret: object, env_all: true })
    sealed.push({
      object,
      content: { kind: 'text', text: JSON.stringify(Object.fromEntries(hidden)) },
      variables: hidden.map(([name]) => name),
      text: `the variables of ${label}`,
    })
  }
  if (words.use !== undefined && words.sealed !== undefined) {
    secrets.push(words.use)
    sealed.push(words.sealed)
  }
  for (const entry of service.secrets) {
    const found = secretOf(member, entry, named, findings)
    if (found === undefined) continue
    sealed.push(found)
    const mode = entry.mode ?? (member.stack.options.isStrict ? undefined : '0444')
    secrets.push({ secret: found.object, ...placedAt(entry, mode, member, findings) })
  }
  for (const entry of service.configs) {
    const config = member.stack.project.configs.get(entry.source)
    if (config?.content === undefined) {
      const message = `the config ${entry.source} has no content: give it a file, or content`
      findings.fault(entry.place, 'stack-config', message)
    } else if (config.content.isSensitive) {
      const object = objectName(member.stack.name, entry.source, '_c')
      sealed.push(
        textContent(
          object,
          config.content,
          `the config ${labelOf(member.stack.name, entry.source)}`,
        ),
      )
      const placed = placedAt(entry, entry.mode ?? '0444', member, findings)
      secrets.push({ secret: object, ...placed })
    } else {
      const { path, ...rest } = placedAt(entry, entry.mode ?? '0444', member, findings)
      files.push({ path: path ?? '', content: config.content.value, ...rest })
    }
  }
  return { env: Object.fromEntries(valuesOf(false)), files, secrets, sealed }
}

function textContent(object: string, { value }: Text, text: string): SealedContent {
  return { object, content: { kind: 'text', text: value }, variables: [], text }
}

function secretOf(
  { stack, service }: Member,
  { source, place }: GrantEntry,
  named: ReadonlySet<string>,
  findings: Findings,
): SealedContent | undefined {
  const secret = stack.project.secrets.get(source)
  const text = `the secret ${labelOf(stack.name, source)}`
  if (secret?.content !== undefined) {
    return textContent(objectName(stack.name, source, '_s'), secret.content, text)
  }
  const name = secret?.externalName ?? source
  if ((secret?.isExternal === true || stack.name === '') && named.has(name)) {
    const object = objectName('', name, '_s')
    return { object, content: { kind: 'named', name }, variables: [], text: `the secret ${name}` }
  }
  const message =
    secret?.isExternal === false
      ? `the secret ${source} has no content: give it a file, or environment`
      : `the layout has no secret "${name}": secrets: { ${name}: {} }, then covey secret set ${name}`
  findings.fault(place, 'stack-secret', message, `services.${service.name}.secrets`)
  return undefined
}

/** Path, mode and owner of a file. */
function placedAt(
  entry: GrantEntry,
  mode: string | undefined,
  { service }: Member,
  findings: Findings,
): Fields {
  const numberOf = (text: string | undefined): number | undefined => {
    if (text === undefined || /^\d+$/.test(text)) return text === undefined ? text : Number(text)
    const message = `${text} is no number: name its owner by number`
    findings.fault(entry.place, 'stack-owner', message, `services.${service.name}`)
    return undefined
  }
  return withoutUndefined({
    path: entry.target,
    mode,
    uid: numberOf(entry.uid),
    gid: numberOf(entry.gid),
  })
}
