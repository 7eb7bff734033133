import type { Finding, Rule, Tree } from './tree.ts'

/** Documents that are read by people: those of `docs/`, of the rooms and of the root. */
export const prose: RegExp = /^(docs\/(decisions\/)?[^/]+|[a-z]+\/README|[A-Z]+)\.md$/
const room =
  'agent|machine|operator|platform|protocol|reconcilers|simulations|test|bin|packaging|examples'
const named = new RegExp(`\`((?:${room})/[^\`\\s]*)\``, 'g')
const startsInRoom = new RegExp(`^(?:${room})/`)
/** A source file by the end of its path, as `plan.ts`. */
const source = /`([\w./-]+\.ts)`/g

/** Files of a host's state folder, whose names begin as those of a room do. */
const elsewhere = new Set(['reconcilers/wireguard.json', 'reconcilers/boot-routes.batch'])

/** A pattern for the name: `<room>` is any one part, `*` any text within one. */
function patternOf(name: string): RegExp {
  const text = name
    .replace(/\/$/, '')
    .replace(/[.+?^${}()|[\]\\]/g, '\\$&')
    .replace(/<\w+>|\*/g, '[^/]+')
  return new RegExp(`^${text}(/|$)`)
}

function isSource(tree: Tree, name: string): boolean {
  return [...tree.keys()].some((path) => path === name || path.endsWith(`/${name}`))
}

function namesIn(line: string, pattern: RegExp): readonly string[] {
  return [...line.matchAll(pattern)].map(([, name = '']) => name)
}

function exists(tree: Tree, name: string): boolean {
  const pattern = patternOf(name)
  return [...tree.keys()].some((path) => pattern.test(path))
}

/** Names of a line that nothing in the project has. */
function missingIn(line: string, tree: Tree): readonly string[] {
  const paths = namesIn(line, named).filter((name) => !elsewhere.has(name) && !exists(tree, name))
  const files = namesIn(line, source).filter((name) => !startsInRoom.test(name))
  return [...paths, ...files.filter((name) => !isSource(tree, name))]
}

/** Checks that the files and folders which documents name are there. */
export const pathsExist: Rule = (tree) => {
  const findings: Finding[] = []
  for (const [path, text] of tree) {
    if (!prose.test(path)) continue
    for (const [index, line] of text.split('\n').entries()) {
      for (const name of missingIn(line, tree)) {
        findings.push({ path, line: index + 1, message: `there is no ${name}` })
      }
    }
  }
  return findings
}
