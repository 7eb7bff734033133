import type { GrantEntry } from '../project.ts'
import type { Cursor } from './cursor.ts'
import { octalMode } from './volumes.ts'

/**
 * Configs or secrets as a service uses them. `folder` is where one without a target goes, and where
 * a relative target begins; of several at one target the last.
 */
export function readGrants(list: Cursor, folder: '/' | '/run/secrets/'): readonly GrantEntry[] {
  const entries = new Map<string, GrantEntry>()
  for (const item of list.items()) {
    const isMap = item.tree?.kind === 'map'
    const source = isMap ? item.at('source').text() : item.text()
    if (source === undefined || source === '') {
      item.fault('must be a name, or a map with "source"')
      continue
    }
    const written = (isMap ? item.at('target').text() : undefined) ?? source
    const target = written.startsWith('/') ? written : `${folder}${written}`
    entries.set(target, {
      source,
      target,
      uid: isMap ? numberText(item.at('uid')) : undefined,
      gid: isMap ? numberText(item.at('gid')) : undefined,
      mode: isMap ? octalMode(item.at('mode')) : undefined,
      place: item.place,
    })
  }
  return [...entries.values()]
}

function numberText(cursor: Cursor): string | undefined {
  const text = cursor.text()
  if (text === undefined || /^\d{1,10}$/.test(text)) return text
  return cursor.fault('must be a number')
}
