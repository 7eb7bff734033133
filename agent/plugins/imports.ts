import { registerHooks } from 'node:module'
import { fileURLToPath } from 'node:url'
import { expectRootOwned } from '../../machine/files/root-owned.ts'

/**
 * Modules that came with packages of reconcilers. What one of them imports, with `import` or
 * `require`, at once or later, must be root's like the package itself: a package may import what
 * its `package.json` does not name, and Node looks for that in every `node_modules` up to `/`.
 */
const watched = new Set<string>()
let isHooked = false

/**
 * Has every import that starts from this module looked at. Such an import fails `not-root-owned`.
 */
export function watchImports(entry: URL): void {
  watched.add(entry.href)
  if (isHooked) return
  isHooked = true
  registerHooks({
    resolve(specifier, context, nextResolve) {
      const found = nextResolve(specifier, context)
      if (context.parentURL === undefined || !watched.has(plain(context.parentURL))) return found
      if (found.url.startsWith('file:')) expectRootOwned(fileURLToPath(found.url))
      watched.add(plain(found.url))
      return found
    },
  })
}

/** A module's URL without what makes several modules of one file. */
function plain(url: string): string {
  return url.startsWith('file:') ? url.replace(/[?#].*$/s, '') : url
}
