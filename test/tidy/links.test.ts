import assert from 'node:assert/strict'
import { test } from 'node:test'
import { linksLead } from './links.ts'

test('links lead: sees files and headings that are not there', () => {
  const files = {
    'README.md': 'see [a](docs/A.md#one-thing), [b](docs/B.md)\n[c](docs), [w](https://x.y/z#a)\n',
    'docs/A.md': '# A\n\n## One `thing`\n\n[up](#one-thing) [own](#another)\n[r](../README.md#x)\n',
    'docs/C.md': '## Same\n## Same\n[2](#same-1) [3](#same-2)\n```\n# none\n```\n[4](#none)\n',
  }
  assert.deepEqual(
    linksLead(new Map(Object.entries(files))).map(({ path, line }) => `${path}:${line}`),
    ['README.md:1', 'docs/A.md:5', 'docs/A.md:6', 'docs/C.md:3', 'docs/C.md:7'],
  )
})
