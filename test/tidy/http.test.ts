import assert from 'node:assert/strict'
import { test } from 'node:test'
import { httpAtOnePlace } from './imports.ts'

test('HTTP at one place: lets types pass, and tests', () => {
  const files = {
    'operator/a.ts': "import { type Server, request } from 'node:http'\n",
    'operator/b.ts': "import type { Server } from 'node:http'\n",
    'agent/c.ts': "import 'node:path'\nimport { request } from 'node:https'\n",
    'test/d.ts': "import { createServer } from 'node:http'\n",
  }
  assert.deepEqual(
    httpAtOnePlace(new Map(Object.entries(files))).map(({ path, line }) => `${path}:${line}`),
    ['operator/a.ts:1', 'agent/c.ts:2'],
  )
})
