import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { noCircles } from './circles.ts'
import { citedRules } from './clauses.ts'
import { documentedCodes } from './codes.ts'
import { indexedDecisions } from './decisions.ts'
import { smallFolders } from './folders.ts'
import { importDirections, operatorStaysPure } from './imports.ts'
import {
  documentedExports,
  exportsNamedForTheJob,
  fiveFiles,
  namedForTheJob,
  noDefaultExports,
  noHomonyms,
} from './names.ts'
import { pathsExist } from './paths.ts'
import { pureRooms } from './purity.ts'
import { shortFiles, shortFunctions, shortLines } from './size.ts'
import { cleanText, noSwitchedOffTests } from './text.ts'
import type { Rule } from './tree.ts'

interface Case {
  readonly rule: Rule
  readonly says: string
  readonly files: Readonly<Record<string, string>>
  /** `path:line` of each finding. */
  readonly found: readonly string[]
}

const lines = (count: number): string => 'x()\n'.repeat(count)

const filesIn = (folder: string, count: number): Readonly<Record<string, string>> =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`${folder}/${index}.ts`, '']))

/**
 * Planted violations beside code that comes close to one, so that a rule which never fires is
 * noticed.
 */
const cases: readonly Case[] = [
  {
    rule: shortFiles,
    says: 'counts lines',
    files: { 'agent/long.ts': lines(301), 'agent/full.ts': lines(300), 'README.md': lines(301) },
    found: ['agent/long.ts:301'],
  },
  {
    rule: shortLines,
    says: 'counts characters, not bytes, and lets text for people be',
    files: {
      'agent/a.ts': `x\n${'y'.repeat(101)}\nconst z = '${'z'.repeat(100)}'\n`,
      'agent/b.ts': `const x = 'x' // ${'y'.repeat(100)}\n`,
      'bin/b': 'é'.repeat(100),
    },
    found: ['agent/a.ts:2', 'agent/b.ts:1'],
  },
  {
    rule: shortFunctions,
    says: 'measures functions and methods, not groups of tests',
    files: {
      'agent/a.ts': `function f() {\n${lines(59)}}\nconst g = () => {\n${lines(58)}}\n`,
      'agent/b.ts': `class A {\n  m() {\n${lines(60)}  }\n}\n`,
      'test/c.test.ts': `describe('all', () => {\n${lines(99)}})\n`,
    },
    found: ['agent/a.ts:1', 'agent/b.ts:2'],
  },
  {
    rule: importDirections,
    says: 'sees every form of import',
    files: {
      'protocol/a.ts':
        "import * as z from 'zod'\nimport 'node:fs'\nexport * from '../agent/x.ts'\n",
      'reconcilers/a.ts': "const x = await import('../agent/x.ts')\nimport '../protocol/a.ts'\n",
      'agent/a.ts': "type X = import('../operator/x.ts').X\nimport '../reconcilers/a.ts'\n",
      'operator/a.ts': "import type { X } from '../agent/x.ts'\nimport '../test/x.ts'\n",
      'operator/b.ts':
        "import '../machine/images/registry/x.ts'\nimport '../machine/images/store/x.ts'\n",
      'test/a.ts': "import '../agent/x.ts'\nimport '../../elsewhere/x.ts'\n",
      'platform/a.ts': "import '../reconcilers/x.ts'\nimport '../protocol/a.ts'\n",
      'attic/a.ts': "import '../protocol/a.ts'\n",
    },
    found: [
      'protocol/a.ts:2',
      'protocol/a.ts:3',
      'reconcilers/a.ts:1',
      'agent/a.ts:1',
      'operator/a.ts:1',
      'operator/a.ts:2',
      'operator/b.ts:2',
      'test/a.ts:2',
      'platform/a.ts:1',
      'attic/a.ts:1',
    ],
  },
  {
    rule: noCircles,
    says: 'counts types, and lets a circle within one folder be',
    files: {
      'agent/a/x.ts': "import './y.ts'\nimport type { B } from '../b/x.ts'\n",
      'agent/a/y.ts': "import './x.ts'\n",
      'agent/b/x.ts': "import '../c/x.ts'\n",
      'agent/c/x.ts': "type Y = import('../a/y.ts').Y\n",
      'agent/d/x.ts': "import './y.ts'\nimport '../a/x.ts'\n",
      'agent/d/y.ts': "import './x.ts'\n",
    },
    found: ['agent/a/x.ts:2'],
  },
  {
    rule: smallFolders,
    says: 'counts source files of each folder for itself',
    files: {
      ...filesIn('agent/full', 16),
      ...filesIn('agent/large', 17),
      ...filesIn('agent/large/part', 2),
      ...filesIn('protocol/node', 17),
      ...filesIn('test/agent', 17),
      'agent/full/README.md': '',
    },
    found: ['agent/large:1'],
  },
  {
    rule: operatorStaysPure,
    says: 'follows chains, but not types',
    files: {
      'operator/a.ts': "\nimport { x } from '../reconcilers/wg/index.ts'\n",
      'operator/b.ts': "import type { X } from '../reconcilers/nft/apply.ts'\n",
      'operator/c.ts': "import { type X } from '../reconcilers/nft/apply.ts'\n",
      'reconcilers/wg/index.ts': "import './spec.ts'\nexport * from './apply.ts'\n",
      'reconcilers/wg/apply.ts': '',
      'reconcilers/nft/apply.ts': '',
    },
    found: ['operator/a.ts:2'],
  },
  {
    rule: pureRooms,
    says: 'sees globals, not members of the same name',
    files: {
      'protocol/a.ts': 'const a = Date.now()\nlet b: Date\nx.Date()\nconst c = { crypto: 1 }\n',
      'reconcilers/wg/plan.ts': 'export const a = Math.random()\nperformance.now()\n',
      'reconcilers/wg/apply.ts': 'Date.now()\n',
    },
    found: [
      'protocol/a.ts:1',
      'protocol/a.ts:2',
      'reconcilers/wg/plan.ts:1',
      'reconcilers/wg/plan.ts:2',
    ],
  },
  {
    rule: namedForTheJob,
    says: 'looks at every part of a path',
    files: { 'agent/net-utils.ts': '', 'agent/common/x.ts': '', 'agent/commonwealth.ts': '' },
    found: ['agent/net-utils.ts:1', 'agent/common/x.ts:1'],
  },
  {
    rule: exportsNamedForTheJob,
    says: 'looks at the end of a name',
    files: { 'agent/a.ts': 'export class PeerManager {}\nexport const managerOf = 1\n' },
    found: ['agent/a.ts:1'],
  },
  {
    rule: noDefaultExports,
    says: 'sees every form',
    files: {
      'agent/a.ts': 'export default 1\n',
      'agent/b.ts': '\nexport default function f() {}\n',
      'agent/c.ts': 'const x = 1\nexport { x as default }\n',
      'agent/d.ts': 'export const fallback = 1\n',
    },
    found: ['agent/a.ts:1', 'agent/b.ts:2', 'agent/c.ts:2'],
  },
  {
    rule: noHomonyms,
    says: 'looks at declarations of one room, overloads and re-exports apart',
    files: {
      'agent/a.ts':
        'export const x = 1, y = 2\nexport function f(): void\nexport function f(): void {}\n',
      'agent/b/b.ts': '\nexport interface y {}\nconst x = 3\n',
      'agent/index.ts': "export { x } from './a.ts'\n",
      'machine/a.ts': 'export const x = 1\n',
      'test/a.ts': 'export const x = 1\n',
      'test/b.ts': 'export const x = 1\n',
    },
    found: ['agent/b/b.ts:2'],
  },
  {
    rule: documentedExports,
    says: 'lets one docstring speak for a run of lines',
    files: {
      'agent/a.ts': '/** Both. */\nexport const a = 1\nexport const b = 2\n\nexport const c = 3\n',
      'agent/b.ts': '// Not a docstring.\nexport interface B {}\nconst hidden = 1\n',
      'test/c.ts': 'export const c = 1\n',
    },
    found: ['agent/a.ts:5', 'agent/b.ts:2'],
  },
  {
    rule: fiveFiles,
    says: 'asks for all five',
    files: { 'reconcilers/wg/spec.ts': '', 'reconcilers/wg/plan.ts': '', 'agent/spec.ts': '' },
    found: ['reconcilers/wg/spec.ts:1', 'reconcilers/wg/spec.ts:1', 'reconcilers/wg/spec.ts:1'],
  },
  {
    rule: documentedCodes,
    says: 'finds codes in calls, faults and choices',
    files: {
      'agent/a.ts': "new CoveyError('no-a', 'x')\nnew Failure(1, 'no-b', 'x')\nbad('no-c', 'x')\n",
      'agent/b.ts': "const code = x ? 'a' : 'no-d'\nconst f = { code: y ?? 'no-e', z: 'no' }\n",
      'agent/c.ts':
        "bad('card-shape', 'x')\nbad('No code', 'x')\nclass A extends B { constructor() { super('no-f') } }\n",
      'test/a.ts': "bad('no-g', 'x')\n",
      'docs/A.md': '`a` `card-…`\n',
      'docs/decisions/0001-a.md': '`no-a`\n',
    },
    found: [
      'agent/a.ts:1',
      'agent/a.ts:2',
      'agent/a.ts:3',
      'agent/b.ts:1',
      'agent/b.ts:2',
      'agent/c.ts:3',
    ],
  },
  {
    rule: citedRules,
    says: 'reads names of tests, and asks for each rule',
    files: {
      'docs/PROTOCOL.md': '| X1 | a |\n| X2 | b |\n| X3 | c |\n| X4 | d |\n',
      'test/a.test.ts': "it('X1: a', f)\nit(`X2 to X3: \u0024{x}`, f)\nit('b (X9)', f)\n",
      'test/b.ts': "const x = ['X4: d', 'X8: y']\n",
    },
    found: ['test/a.test.ts:3', 'docs/PROTOCOL.md:4'],
  },
  {
    rule: indexedDecisions,
    says: 'compares titles with the index',
    files: {
      'docs/decisions/0001-a.md': '# 0001 A\n',
      'docs/decisions/0002-b.md': '# 0002: B\n',
      'docs/decisions/0003-c.md': '# 0003 C\n',
      'docs/decisions/README.md':
        '| [0001](0001-a.md) | A | in force | 2026-01-01 |\n| [0003](0003-c.md) | D | new | 2026-01-01 |\n',
    },
    found: [
      'docs/decisions/0002-b.md:1',
      'docs/decisions/0002-b.md:1',
      'docs/decisions/0003-c.md:1',
    ],
  },
  {
    rule: pathsExist,
    says: 'knows files, folders and patterns',
    files: {
      'docs/A.md':
        '`agent/a.ts` `agent/b.ts`\n`agent/c` `agent/b` `agent/b/`\n`agent/<room>/x.ts`\n',
      'docs/decisions/0001-a.md': 'agent/no.ts and\n`test/b.ts`\n',
      'README.md': '`agent/*.ts` `test/*.ts`\n`a.ts` `b/x.ts` `c.ts` `node.js`\n',
      'agent/a.ts': '',
      'agent/b/x.ts': '',
    },
    found: [
      'docs/A.md:1',
      'docs/A.md:2',
      'docs/decisions/0001-a.md:2',
      'README.md:1',
      'README.md:2',
    ],
  },
  {
    rule: cleanText,
    says: 'sees paths of a machine, unfinished work and unresolved merges',
    files: {
      'docs/A.md':
        'in /etc/covey\n/ho\u006de/me/x is mine\nsee ../shared\u002fx\nTOD\u004f: more\n',
      'docs/B.md': 'https://example.com/home/me and /var/lib/work/x\n',
      'docs/C.md': `${'<'.repeat(7)} HEAD\n${'='.repeat(7)}\n${'>'.repeat(7)} 0123456 (Say so)\n`,
    },
    found: ['docs/A.md:2', 'docs/A.md:3', 'docs/A.md:4', 'docs/C.md:1', 'docs/C.md:3'],
  },
  {
    rule: noSwitchedOffTests,
    says: 'sees methods and options',
    files: {
      'test/a.test.ts': "it.skip('a', f)\nit('b', { only: true }, f)\nit('c', { timeout: 9 }, f)\n",
    },
    found: ['test/a.test.ts:1', 'test/a.test.ts:2'],
  },
]

describe('house rules', () => {
  for (const { rule, says, files, found } of cases) {
    it(`${Object.keys(files)[0]}: ${says}`, () => {
      const findings = rule(new Map(Object.entries(files)))
      assert.deepEqual(
        findings.map(({ path, line }) => `${path}:${line}`),
        found,
      )
    })
  }
})
