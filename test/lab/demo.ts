import { parseArgs } from 'node:util'
import { buildCovey } from './bundled.ts'
import { createLab, type Lab } from './lab.ts'
import { lookAround } from './look-around.ts'
import { humanNarrator, jsonNarrator, type Narrator } from './narrator.ts'
import { Story } from './story.ts'

const usage = `npm run demo [-- --keep] [--json]

Three virtual hosts on this machine get a signed config, are cut apart, and heal.
Everything is cleaned up at the end, and on Ctrl-C.

  --keep   leave the hosts running, with the commands to look around
  --json   one JSON line an event (npm run --silent demo -- --json)
`

function choose(json: boolean): Narrator {
  const write = (line: string): void => {
    process.stdout.write(line)
  }
  const colours = process.stdout.isTTY === true && (process.env['NO_COLOR'] ?? '') === ''
  return json ? jsonNarrator(write) : humanNarrator(write, colours)
}

function leave(lab: Lab, narrator: Narrator, keep: boolean): void {
  const { id } = lab.record
  if (keep) {
    lab.keep()
    narrator.tell({ event: 'kept', text: `lab ${id} goes on running`, facts: { lab: id } })
    narrator.note(lookAround(lab))
  } else {
    lab.close()
    narrator.tell({ event: 'removed', text: 'every trace of the hosts is removed' })
  }
}

async function demo(narrator: Narrator, keep: boolean): Promise<void> {
  const begun = performance.now()
  // What people install: the sources take a second longer to start, which says nothing of covey.
  const { path, remove } = buildCovey()
  process.on('exit', () => {
    if (!keep) remove()
  })
  const lab = await createLab({ keepable: keep, covey: path })
  try {
    await new Story(lab, narrator).tell()
    narrator.chapter('The end')
    leave(lab, narrator, keep)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    narrator.fail(message)
    process.stderr.write(`${lab.logTails()}\n`)
    process.exitCode = 1
    lab.close()
  }
  const ms = Math.round(performance.now() - begun)
  const held = process.exitCode === undefined
  const text = held ? `the story held, in ${(ms / 1000).toFixed(1)} s` : 'the story did not hold'
  if (held) narrator.tell({ event: 'end', text, facts: { held, ms } })
  else narrator.fail(text)
}

let options: { keep?: boolean; json?: boolean; help?: boolean } = {}
try {
  options = parseArgs({
    options: {
      keep: { type: 'boolean' },
      json: { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  }).values
} catch (error) {
  process.stderr.write(`demo: ${error instanceof Error ? error.message : error}\n${usage}`)
  process.exit(2)
}
if (options.help === true) process.stdout.write(usage)
else await demo(choose(options.json === true), options.keep === true)
