import type { Cursor } from '../read/cursor.ts'

const sections = ['services', 'networks', 'volumes', 'configs', 'secrets'] as const

/** Looks at the names that a file chooses: letters, digits, `.`, `_` and `-`, as in Compose. */
export function checkNames(root: Cursor): void {
  for (const section of sections) {
    const cursor = root.at(section)
    if (cursor.tree?.kind !== 'map') continue
    for (const [name, { keyPlace }] of cursor.tree.entries) {
      if (/^[a-zA-Z0-9._-]{1,255}$/.test(name)) continue
      const message = 'a name has letters, digits, ".", "_" and "-"'
      root.report.fault(keyPlace, { code: 'compose-value', message, path: `${section}.${name}` })
    }
  }
}
