import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { programFile } from '../../programs.ts'
import { afterwards, temporaryFolder } from '../../temporary.ts'
import { runBusybox } from './busybox.ts'
import { serveContainer } from './control.ts'

const forever = 'trap "exit 0" TERM; while :; do sleep 1 & wait $!; done'

/** A person at a terminal: types, reads, and drags the window's corner. */
interface Person {
  type(keys: string): void
  /** Resolves once the screen shows this, but for carriage returns, after what was seen before. */
  see(text: string): Promise<void>
  resize(rows: number, columns: number): void
  readonly ended: Promise<unknown>
}

/**
 * Runs a shell script at a terminal of 30 rows and 100 columns. In it `$COVEY` is the command, and
 * `$FOLDER` a folder for notes.
 */
function sitDown(t: TestContext, folder: string, script: string): Person {
  const set = 'stty rows 30 cols 100; stty -g > "$FOLDER/before"; '
  const env = {
    ...process.env,
    TERM: 'vt100',
    COVEY: `${process.execPath} ${programFile('operator')} --run-dir ${join(folder, 'run')}`,
    FOLDER: folder,
  }
  const child = spawn('/usr/bin/script', ['-qefc', set + script, '/dev/null'], {
    env,
    stdio: 'pipe',
  })
  afterwards(t, async () => void child.kill('SIGKILL'))
  const ended = new Promise((resolve) => child.once('close', resolve))
  let screen = ''
  let seen = 0
  const waiting = new Set<() => void>()
  child.stdout?.on('data', (chunk) => {
    screen += String(chunk).replaceAll('\r', '')
    for (const wake of waiting) wake()
  })
  return {
    type: (keys) => void child.stdin?.write(keys),
    async see(text) {
      while (!screen.includes(text, seen)) {
        const more = new Promise<void>((resolve) => waiting.add(resolve))
        const over = ended.then(() => {
          assert.ok(screen.includes(text, seen), `${text} in ${JSON.stringify(screen)}`)
        })
        await Promise.race([more, over])
      }
      seen = screen.indexOf(text, seen) + text.length
    },
    resize: (rows, columns) => resizeTerminal(child, rows, columns),
    ended,
  }
}

function resizeTerminal({ pid }: ChildProcess, rows: number, columns: number): void {
  const inner = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').trim()
  const size = ['rows', String(rows), 'cols', String(columns)]
  spawnSync('stty', ['-F', `/proc/${inner}/fd/0`, ...size])
}

describe('covey exec with a terminal', () => {
  it('gives the command a terminal, keys, sizes as they change, and its exit code', async (t) => {
    const folder = await temporaryFolder(t)
    const container = await runBusybox(t, folder, forever, join(folder, 'log'))
    await serveContainer(t, folder, container)
    const person = sitDown(
      t,
      folder,
      '$COVEY exec web -- sh; echo "code $?"; stty -g > "$FOLDER/after"',
    )
    await person.see('# ')
    person.type('tty && stty size && echo $TERM\r')
    await person.see('/dev/pts/0\n30 100\nvt100\n')
    const watch = 'trap "stty size" WINCH; echo re""ady; while :; do sleep 0.1; done'
    person.type(`sh -c '${watch}'\r`)
    await person.see('ready')
    person.resize(41, 123)
    await person.see('41 123\n')
    person.type('\x03')
    person.type('echo "after $?"\r')
    await person.see('after 130\n')
    person.type('exit 7\r')
    await person.see('code 7\n')
    await person.ended
    const [before, after] = await Promise.all(['before', 'after'].map((name) => note(folder, name)))
    assert.equal(after, before)
  })

  it('ends the input of a command at a key, and needs no terminal where -T is given', async (t) => {
    const folder = await temporaryFolder(t)
    const container = await runBusybox(t, folder, forever, join(folder, 'log'))
    await serveContainer(t, folder, container)
    const script = '$COVEY exec web -- cat; echo "code $?"; $COVEY exec -T web -- tty'
    const person = sitDown(t, folder, script)
    person.type('hello\r')
    await person.see('hello\nhello\n')
    person.type('\x04')
    await person.see('code 0\n')
    await person.see('not a tty\n')
    await person.ended
  })

  for (const signal of ['TERM', 'HUP', 'QUIT', 'KILL', 'SEGV']) {
    it(`puts the terminal back after SIG${signal}, and ends the command`, async (t) => {
      const folder = await temporaryFolder(t)
      const container = await runBusybox(t, folder, forever, join(folder, 'log'))
      const host = await serveContainer(t, folder, container)
      // The shell is not interactive, so it puts nothing right by itself.
      const client = 'sh -c \'echo $$ > "$FOLDER/pid"; exec $COVEY exec web -- sh\''
      const wait = 'while [ "$(stty -g)" != "$(cat "$FOLDER/before")" ]; do sleep 0.02; done'
      const person = sitDown(t, folder, `${client}; echo "left $?"; ${wait}; echo "as before"`)
      await person.see('# ')
      process.kill(Number(await note(folder, 'pid')), `SIG${signal}`)
      await person.see('left')
      await person.see('as before')
      await person.ended
      assert.deepEqual(host.told, ['web sh'])
    })
  }

  it('can be asked for by a script, which has none itself', async (t) => {
    const folder = await temporaryFolder(t)
    const container = await runBusybox(t, folder, forever, join(folder, 'log'))
    const host = await serveContainer(t, folder, container)
    const child = host.covey('exec', '-i', '-t', 'web', '--', 'sh', '-c', 'stty size; cat; exit 3')
    let out = ''
    child.stdout?.on('data', (chunk) => {
      out += chunk
      // Only now: the kernel repeats what is typed at once, also before `stty` has answered.
      if (out.includes('24 80') && child.stdin?.writable) child.stdin.end('typed\n')
    })
    const code = await new Promise((resolve) => child.once('close', resolve))
    assert.deepEqual([code, out.replaceAll('\r', '')], [3, '24 80\ntyped\ntyped\n'])
  })
})

async function note(folder: string, name: string): Promise<string> {
  return (await readFile(join(folder, name), 'utf8')).trim()
}
