import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmod, chown, mkdir, rename, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { suite, type TestContext, test } from 'node:test'
import { enrolHost } from '../../agent/commands/enrol.ts'
import { readRescuePorts } from '../../agent/rescue.ts'
import { defaultSettings, readSettings } from '../../agent/settings.ts'
import { readRootOwned } from '../../machine/files/root-owned.ts'
import { hostJsonBytesMax } from '../../machine/limits.ts'
import { CoveyError } from '../../protocol/fault.ts'
import { temporaryFolder } from '../temporary.ts'

const nobody = 65_534

async function refusal(asked: Promise<unknown>): Promise<CoveyError> {
  const error = await asked.then(
    () => assert.fail('it was taken'),
    (reason: unknown) => reason,
  )
  assert.ok(error instanceof CoveyError, String(error))
  assert.ok(error.hint !== undefined && error.hint !== '')
  return error
}

/** Texts of `agent.json`, each with the message behind the file's name. */
const faults: readonly (readonly [string, string | Uint8Array, RegExp])[] = [
  ['an empty file', '', /^:1:1: not valid JSON: the document is empty, it needs at least \{\}$/],
  ['white space', ' \n', /^:2:1: not valid JSON: the document is empty/],
  [
    'a setting twice',
    '{"log_level": "info",\n "log_level": "debug"}',
    /^:2:2: log_level: duplicate member, first in line 1; keep one of them$/,
  ],
  [
    'a registry twice',
    '{"registries": {"a.test": {},\n  "a.test": {"insecure": true}}}',
    /^:2:3: registries\.a\.test: duplicate member/,
  ],
  ['an unknown setting', '{\n  "log": 1}', /^:2:3: log: unknown setting, remove it/],
  [
    'an unknown member of a registry',
    '{"registries": {"a": {"tls": true}}}',
    /^:1:23: registries\.a\.tls: unknown setting/,
  ],
  ['a wrong type', '{"grants": "x"}', /^:1:2: grants: must be a list$/],
  ['a wrong word', '{"log_level": "loud"}', /^:1:2: log_level: must be one of trace, debug, info/],
  ['a small number', '{"trial_seconds": 1}', /^:1:2: trial_seconds: must be at least 10$/],
  [
    'a wrong word in a list',
    '{"grants": [1]}',
    /^:1:13: grants\.0: must be a string in double quotes$/,
  ],
  ['another document', '[]', /^:1:1: must be an object, as \{\}$/],
  ['comments', '{} // mine', /^:1:4: not valid JSON: JSON has no comments, remove it$/],
  ['trailing text', '{}}', /^:1:3: not valid JSON: "\}" after the end/],
  ['UTF-16', Buffer.from('\ufeff{}', 'utf16le'), /^:1:1: the file is in UTF-16, save it in UTF-8$/],
  ['UTF-16 without a mark', Buffer.from('{}', 'utf16le'), /^:1:2: the file is in UTF-16 or UTF-32/],
  ['a NUL byte', '{\n "a": "\0"}', /^:2:8: a NUL byte, so this is not text$/],
  [
    'another encoding',
    Buffer.from('{\n"a": "\xe9"}', 'latin1'),
    /^:2:7: the file is not in UTF-8 here, save it in UTF-8$/,
  ],
  ['too deep', '['.repeat(40), /^:1:33: JSON is nested deeper than 32 levels$/],
]

/** The kinds of things that others than root could have written. */
const doors: readonly (readonly [string, (file: string) => Promise<unknown>, RegExp])[] = [
  ['a file that everybody may write', (file) => chmod(file, 0o666), /agent\.json can be written/],
  ['a file of another user', (file) => chown(file, nobody, 0), /belongs to user 65534/],
  [
    'a file that a group may write',
    async (file) => {
      await chown(file, 0, nobody)
      await chmod(file, 0o664)
    },
    /group 65534 may write it/,
  ],
  ['an open folder', (file) => chmod(join(file, '..'), 0o777), /etc can be written by others/],
  ['an open folder above', (file) => chmod(join(file, '../..'), 0o777), /everybody may write it/],
  [
    'a link into a folder of another user',
    async (file) => {
      const away = join(file, '../../away')
      await mkdir(away)
      await rename(file, join(away, 'agent.json'))
      await chown(away, nobody, nobody)
      await symlink(join(away, 'agent.json'), file)
    },
    /away can be written by others than root: it belongs to user 65534/,
  ],
]

async function settingsFile(t: TestContext, content: string | Uint8Array): Promise<string> {
  const folder = join(await temporaryFolder(t), 'etc')
  await mkdir(folder)
  await writeFile(join(folder, 'agent.json'), content)
  return join(folder, 'agent.json')
}

suite('the files of settings', () => {
  for (const [name, content, said] of faults) {
    test(`${name}: one line with the place and what to do`, async (t) => {
      const file = await settingsFile(t, content)
      const error = await refusal(readSettings(file))
      assert.equal(error.code, 'settings')
      assert.ok(error.message.startsWith(file), error.message)
      assert.match(error.message.slice(file.length), said)
    })
  }

  test('tell all that is wrong, each in its line', async (t) => {
    const file = await settingsFile(t, '{"a": 1,\n"grants": [1],\n"trial_seconds": "x"}')
    const { message } = await refusal(readSettings(file))
    const places = message.split('\n').map((line) => line.slice(file.length).split(':')[1])
    assert.deepEqual(places.sort(), ['1', '2', '3'])
  })

  test('may be missing, and may begin with a byte order mark', async (t) => {
    const file = await settingsFile(t, '\ufeff{"log_level": "debug"}\n')
    assert.equal((await readSettings(file)).log_level, 'debug')
    assert.deepEqual(await readSettings(`${file}.absent`), defaultSettings)
  })

  test('are files, and no larger than can be', async (t) => {
    const file = await settingsFile(t, ' '.repeat(hostJsonBytesMax + 1))
    assert.match(
      (await refusal(readSettings(file))).message,
      /agent\.json is larger than \d+ bytes/,
    )
    const folder = await refusal(readSettings(join(file, '..')))
    assert.match(folder.message, /etc is not a regular file$/)
    const below = await refusal(readSettings(join(file, 'x')))
    assert.match(below.message, /cannot be read: a part of the path is not a folder$/)
    const pipe = `${file}.pipe`
    assert.equal(spawnSync('/usr/bin/mkfifo', [pipe]).status, 0)
    assert.match((await refusal(readSettings(pipe))).message, /is not a regular file$/)
  })

  for (const [name, open, said] of doors) {
    test(`are refused, as every file that settings name: ${name}`, async (t) => {
      const file = await settingsFile(t, '{}')
      assert.deepEqual(await readSettings(file), defaultSettings)
      await open(file)
      for (const asked of [readSettings(file), readRescuePorts(file), readRootOwned(file, 100)]) {
        const error = await refusal(asked)
        assert.equal(error.code, 'not-root-owned')
        assert.match(error.message, said)
        assert.doesNotMatch(error.message, /\n/)
      }
    })
  }

  test('may lie in a sticky folder where they are root’s', async (t) => {
    const file = await settingsFile(t, '{}')
    await chmod(join(file, '..'), 0o1777)
    assert.deepEqual(await readSettings(file), defaultSettings)
  })

  test('are found where links lead, step by step and not by their text', async (t) => {
    const file = await settingsFile(t, '{"log_level": "warn"}')
    const top = join(file, '../..')
    await mkdir(join(top, 'a/b'), { recursive: true })
    await symlink('a/b', join(top, 'link'))
    // By its text `link/../../etc` is one folder higher than where the kernel goes.
    assert.equal((await readSettings(`${top}/link/../../etc/agent.json`)).log_level, 'warn')
    await symlink('round', join(top, 'round'))
    assert.match((await refusal(readSettings(join(top, 'round')))).message, /more than 40 links/)
  })

  test('rescue.json tells its faults by their place too', async (t) => {
    const file = await settingsFile(t, '{"ports": ["22/tcp",\n "ssh"]}')
    const error = await refusal(readRescuePorts(file))
    assert.equal(error.code, 'rescue')
    assert.equal(error.message, `${file}:2:2: ports.1: must look like 22/tcp`)
    await writeFile(file, '{"ports": [], "ports": ["1/tcp"]}')
    assert.match((await refusal(readRescuePorts(file))).message, /:1:15: ports: duplicate member/)
  })
})

suite('a bundle', () => {
  const bundles: readonly (readonly [string | Uint8Array, RegExp])[] = [
    ['{"host": "a", "host": "b"}', /^b\.json:1:15: host: duplicate member/],
    ['{"host": ', /^b\.json:1:10: not valid JSON: the document ends before/],
    ['', /^b\.json:1:1: not valid JSON: the document is empty/],
    [Buffer.from('{}', 'utf16le'), /^b\.json:1:2: the file is in UTF-16/],
    ['{"hosts": 1}', /^hosts: unknown member: was the bundle made by a newer covey/],
  ]
  for (const [bundle, said] of bundles) {
    test(`is refused with its place: ${said.source}`, async (t) => {
      const bytes = typeof bundle === 'string' ? Buffer.from(bundle) : bundle
      const error = await refusal(enrolHost(await temporaryFolder(t), bytes, 'b.json'))
      assert.equal(error.code, 'invalid-input')
      assert.match(error.message, said)
    })
  }
})
