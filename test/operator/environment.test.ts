import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, readdir } from 'node:fs/promises'
import { describe, it } from 'node:test'
import { promisify } from 'node:util'
import { dailyCommands } from '../../operator/commands/daily.ts'
import { plumbingCommands } from '../../operator/commands/plumbing.ts'
import { openSession } from '../../operator/terminal/session.ts'
import { shellWord } from '../../operator/terminal/shell-word.ts'
import { addHost, openCluster, openWorkspace } from './workspace.ts'

const run = promisify(execFile)

describe('the path of a socket that does not fit', () => {
  const deep = `/tmp/${'d'.repeat(120)}/covey.sock`
  const lines = ['status', 'ps', 'logs web', 'events', 'exec web -- id', 'doctor', 'image list']
  for (const line of [...lines, 'image prune', 'config show', 'inject signed.json']) {
    it(`is said by covey ${line}`, async (context) => {
      const space = await openCluster(context)
      for (const flags of [
        ['--to', deep],
        ['--run-dir', deep],
      ]) {
        const outcome = await space.covey([...flags, ...line.split(' ')])
        assert.equal(outcome.exit, 2)
        assert.match(
          outcome.err,
          /the path of the socket is too long: it has 1\d\d bytes, and 107 /,
        )
        assert.match(outcome.err, /\nhint: make a short link/)
      }
    })
  }

  it('does fit with 107 bytes', async (context) => {
    const space = await openWorkspace(context)
    const path = `/tmp/${'s'.repeat(102)}`
    assert.equal(Buffer.byteLength(path), 107)
    assert.equal((await space.covey(['--to', path, 'status'])).exit, 5)
    assert.equal((await space.covey(['--to', `${path}ü`, 'status'])).exit, 2)
  })
})

describe('the folder of keys', () => {
  const keyDirOf = (env: Record<string, string>): string =>
    openSession({}, { cwd: '/here', env } as never).settings.keyDir

  it('is below XDG_CONFIG_HOME, where that is absolute', () => {
    const HOME = '/none/home'
    assert.equal(keyDirOf({ HOME }), '/none/home/.config/covey/keys')
    assert.equal(keyDirOf({ HOME, XDG_CONFIG_HOME: '/none/x' }), '/none/x/covey/keys')
    assert.equal(keyDirOf({ HOME, XDG_CONFIG_HOME: 'x' }), '/none/home/.config/covey/keys')
    assert.equal(keyDirOf({ HOME, XDG_CONFIG_HOME: '' }), '/none/home/.config/covey/keys')
    assert.equal(keyDirOf({ XDG_CONFIG_HOME: '/none/x' }), '/none/x/covey/keys')
    assert.equal(keyDirOf({ HOME, COVEY_KEY_DIR: '/k', XDG_CONFIG_HOME: '/none/x' }), '/k')
  })

  it('is that of earlier versions where only it has keys', async (context) => {
    const space = await openWorkspace(context)
    const env = { HOME: space.dir, XDG_CONFIG_HOME: space.path('xdg') }
    await mkdir(space.path('.config/covey/keys'), { recursive: true })
    assert.equal(keyDirOf(env), space.path('.config/covey/keys'))
    await mkdir(space.path('xdg/covey/keys'), { recursive: true })
    assert.equal(keyDirOf(env), space.path('xdg/covey/keys'))
  })

  for (const [name, home] of [
    ['no HOME', undefined],
    ['an empty HOME', ''],
    ['a HOME that is no place', 'home'],
  ] as const) {
    it(`is asked for where there is ${name}, and only where it is needed`, async (context) => {
      const space = await openCluster(context)
      const env = { COVEY_KEY_DIR: '', ...(home === undefined ? {} : { HOME: home }) }
      for (const line of ['key list', 'key new a', 'apply --offline', 'init new --name x']) {
        const outcome = await space.covey(line.split(' '), { env })
        assert.equal(outcome.exit, 2, line)
        assert.match(outcome.err, /^covey: .*there is no place for your keys: HOME is/)
        assert.match(outcome.err, /\nhint: name the folder of your keys with --key-dir/)
      }
      for (const line of ['compile', 'history', 'host list', 'schema', 'validate cluster.yaml']) {
        assert.equal((await space.covey(line.split(' '), { env })).exit, 0, line)
      }
      assert.deepEqual(await readdir(space.dir).then((names) => names.includes('new')), false)
    })
  }
})

describe('an empty value', () => {
  const flags = [...dailyCommands, ...plumbingCommands]
    .flatMap(({ name, options, run: does }) => (does === undefined ? [] : [{ name, options }]))
    .flatMap(({ name, options = [] }) =>
      options.flatMap(([text]) => {
        const flag = / <|\[/.test(text) ? /--[a-z-]+/.exec(text)?.[0] : undefined
        return flag === undefined ? [] : [[name, flag] as const]
      }),
    )
  for (const [name, flag] of [
    ...flags,
    ...['--to', '--dir', '--key-dir', '--run-dir'].map((each) => ['history', each] as const),
  ]) {
    it(`of ${flag} is a mistake: covey ${name}`, async (context) => {
      if (flag === '--env') return
      const space = await openCluster(context)
      const outcome = await space.covey([name, flag, '', ...(name === 'exec' ? ['x', 'y'] : [])])
      assert.equal(outcome.exit, 2)
      assert.match(outcome.err, /is empty|missing required argument/)
    })
  }

  it('is no path of a file', async (context) => {
    const space = await openCluster(context)
    for (const words of [
      ['validate', ''],
      ['sign', ''],
      ['inject', ''],
      ['root', 'sign', ''],
    ]) {
      const outcome = await space.covey(words)
      assert.equal(outcome.exit, 2)
      assert.match(outcome.err, /the path of .* is empty/)
    }
  })
})

describe('lines to copy', () => {
  const odd = "it's a $(touch x) & `y`; *"

  it('are read by a shell as they were meant', async () => {
    for (const text of [odd, '-rf', 'ü "q" \\', '~']) {
      const { stdout } = await run('sh', ['-c', `printf %s ${shellWord(text)}`])
      assert.equal(stdout.replace(/^\.\/-/, '-'), text)
    }
  })

  it('name files in quotes', async (context) => {
    const space = await openCluster(context)
    await addHost(space, 'cloud01', '203.0.113.7:51820')
    await space.must('apply', '--offline', '-o', 's.json')
    const bundled = await space.must('bundle', '--host', 'cloud01', '-o', `${odd}.json`)
    assert.ok(bundled.includes(`covey enrol ${shellWord(`${odd}.json`)}\n`), bundled)
    const rotated = await space.must('root', 'rotate', '-o', `${odd}.root.json`)
    assert.ok(rotated.includes(`covey inject ${shellWord(`${odd}.root.json`)}\n`), rotated)
  })
})
