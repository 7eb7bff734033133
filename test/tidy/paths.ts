import type { Rule, Tree } from './tree.ts'

const prose = /^(docs\/(decisions\/)?[^/]+|README|CONTRIBUTING)\.md$/
const room = 'agent|machine|operator|protocol|reconcilers|simulations|test|bin|packaging|examples'
const named = new RegExp(`\`((?:${room})/[^\`\\s]*)\``, 'g')

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

function exists(tree: Tree, name: string): boolean {
  const pattern = patternOf(name)
  return [...tree.keys()].some((path) => pattern.test(path))
}

/** What documents call a file or a folder of the project is one. */
export const pathsExist: Rule = (tree) =>
  [...tree]
    .filter(([path]) => prose.test(path))
    .flatMap(([path, text]) =>
      text.split('\n').flatMap((line, index) =>
        [...line.matchAll(named)]
          .map(([, name = '']) => name)
          .filter((name) => !elsewhere.has(name) && !exists(tree, name))
          .map((name) => ({ path, line: index + 1, message: `there is no ${name}` })),
      ),
    )
