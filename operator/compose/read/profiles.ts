import type { Cursor } from './cursor.ts'

/** Tells whether a service runs: it has no profiles, or one of those asked for. `*` is all. */
export function isEnabled(service: Cursor, profiles: readonly string[]): boolean {
  const own = service.at('profiles').texts()
  return own.length === 0 || profiles.includes('*') || own.some((name) => profiles.includes(name))
}
