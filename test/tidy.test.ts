import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { noCircles } from './tidy/circles.ts'
import { citedRules } from './tidy/clauses.ts'
import { documentedCodes } from './tidy/codes.ts'
import { indexedDecisions } from './tidy/decisions.ts'
import { plainDocstrings } from './tidy/docstrings.ts'
import { smallFolders } from './tidy/folders.ts'
import { httpAtOnePlace, importDirections, operatorStaysPure } from './tidy/imports.ts'
import { linksLead } from './tidy/links.ts'
import {
  documentedExports,
  exportsNamedForTheJob,
  fiveFiles,
  namedForTheJob,
  noDefaultExports,
  noHomonyms,
} from './tidy/names.ts'
import { pathsExist } from './tidy/paths.ts'
import { pureRooms } from './tidy/purity.ts'
import { shortFiles, shortFunctions, shortLines } from './tidy/size.ts'
import { cleanText, noSwitchedOffTests } from './tidy/text.ts'
import { type Finding, type Rule, readTree } from './tidy/tree.ts'

const rules: Readonly<Record<string, Rule>> = {
  'short files': shortFiles,
  'short lines': shortLines,
  'short functions': shortFunctions,
  'small folders': smallFolders,
  'import directions': importDirections,
  'no circles': noCircles,
  'the operator stays pure': operatorStaysPure,
  'HTTP at one place': httpAtOnePlace,
  'pure rooms': pureRooms,
  'names for the job': namedForTheJob,
  'exports named for the job': exportsNamedForTheJob,
  'no default exports': noDefaultExports,
  'no homonyms': noHomonyms,
  'documented exports': documentedExports,
  'plain docstrings': plainDocstrings,
  'five files': fiveFiles,
  'documented codes': documentedCodes,
  'cited rules of the protocol': citedRules,
  'indexed decisions': indexedDecisions,
  'paths in documents exist': pathsExist,
  'links lead somewhere': linksLead,
  'clean text': cleanText,
  'no switched-off tests': noSwitchedOffTests,
}

function report(findings: readonly Finding[]): string {
  return findings.map(({ path, line, message }) => `${path}:${line}: ${message}`).join('\n')
}

const tree = readTree(join(import.meta.dirname, '..'))

describe('tidy', () => {
  it('sees the rooms of the house', () => {
    for (const path of ['protocol/heads.ts', 'agent/main.ts', 'bin/covey', 'test/run']) {
      assert.ok(tree.has(path), `${path} is not among the files that the rules look at`)
    }
  })
  for (const [name, rule] of Object.entries(rules)) {
    it(name, () => {
      const findings = rule(tree)
      assert.equal(findings.length, 0, `\n${report(findings)}`)
    })
  }
})
