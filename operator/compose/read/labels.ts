import { dirname } from 'node:path/posix'
import type { ProjectFiles } from '../load/files.ts'
import type { Text } from '../project.ts'
import { pathIn } from '../texts/paths.ts'
import { parseEnvFile } from '../variables/env-file.ts'
import type { Variable } from '../variables/scope.ts'
import type { Cursor } from './cursor.ts'

/** A map of texts; a member without a value is an empty text. */
export function textMap(cursor: Cursor): Map<string, Text> {
  const found = new Map<string, Text>()
  for (const [key, item] of cursor.members()) {
    const { place } = item
    const text = item.isAbsent ? { value: '', isSensitive: false, place } : item.rich()
    if (text !== undefined) found.set(key, text)
  }
  return found
}

/** Labels of a service: those of its label files, and over them its own and those of `deploy`. */
export async function readLabels(
  service: Cursor,
  files: ProjectFiles,
): Promise<ReadonlyMap<string, Text>> {
  const own = new Map([
    ...textMap(service.at('deploy').at('labels')),
    ...textMap(service.at('labels')),
  ])
  let filed = new Map<string, Variable>()
  for (const item of service.at('label_file').items()) {
    const leaf = item.leaf('a path')
    if (leaf === undefined) continue
    const path = pathIn(leaf.home?.folder ?? dirname(leaf.place.file), leaf.text)
    const text = await files.text(path, leaf.place)
    if (text === undefined) files.missing(path, leaf.place)
    const options = { scope: new Map(), earlier: filed, format: 'dotenv' } as const
    const found = parseEnvFile(path, text ?? '', options, service.report)
    filed = new Map([...filed, ...found])
  }
  const labels = new Map<string, Text>()
  for (const [key, { value, place }] of filed) {
    labels.set(key, { value, isSensitive: false, place: place ?? service.place })
  }
  for (const [key, text] of own) labels.set(key, text)
  return labels
}

const routesByHand =
  'let the proxy read its routes from a file, in which this service is http://NAME:PORT'

/** Labels and variables that ask for a program which does not see covey's containers. */
const consumers: readonly (readonly [RegExp, string, string])[] = [
  [/^traefik\./, 'traefik.*', routesByHand],
  [/^caddy(_\d+)?(\.|$)/, 'caddy*', routesByHand],
  [/^ofelia\./, 'ofelia.*', 'let cron on the host run the job: covey exec SERVICE -- COMMAND'],
  [
    /^com\.centurylinklabs\.watchtower|^wud\.|^diun\./,
    'of an image watcher',
    '"covey pull" looks for newer images',
  ],
  [
    /^(homepage|glance|com\.sablier|sablier|swag|deunhealth|autoheal)(\.|$|_)/,
    'of another program',
    'the program that reads them does not see what covey runs',
  ],
]
const proxyVariables = ['VIRTUAL_HOST', 'LETSENCRYPT_HOST']

/** Says once for each kind of label in a project that nobody reads it. */
export function noteConsumers(
  labels: ReadonlyMap<string, Text>,
  environment: ReadonlyMap<string, Text>,
  service: Cursor,
): void {
  const say = (kind: string, message: string, text: Text | undefined): void => {
    const place = text?.place ?? service.place
    const note = { code: 'compose-label', message, path: service.path }
    service.report.noteOnce(`label ${kind}`, place, note)
  }
  for (const [key, text] of labels) {
    const [, kind = '', way = ''] = consumers.find(([pattern]) => pattern.test(key)) ?? []
    if (kind !== '') say(kind, `nothing reads the labels ${kind} here: ${way}`, text)
  }
  for (const name of proxyVariables) {
    if (!environment.has(name)) continue
    say('VIRTUAL_HOST', `nothing reads ${name} here: ${routesByHand}`, environment.get(name))
  }
}
