import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { importDirections, operatorStaysPure } from './imports.ts'
import {
  documentedExports,
  exportsNamedForTheJob,
  fiveFiles,
  namedForTheJob,
  noDefaultExports,
} from './names.ts'
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
      'test/a.ts:2',
      'platform/a.ts:1',
      'attic/a.ts:1',
    ],
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
    rule: cleanText,
    says: 'sees paths of a machine and unfinished work',
    files: {
      'docs/A.md':
        'in /etc/covey\n/ho\u006de/me/x is mine\nsee ../shared\u002fx\nTOD\u004f: more\n',
      'docs/B.md': 'https://example.com/home/me and /var/lib/work/x\n',
    },
    found: ['docs/A.md:2', 'docs/A.md:3', 'docs/A.md:4'],
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
