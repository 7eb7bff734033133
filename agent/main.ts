import './signals.ts'
import { open } from 'node:fs/promises'
import { Command } from 'commander'
import { CoveyError } from '../protocol/fault.ts'
import { envelopeBytesMax } from '../protocol/limits.ts'
import { systemReason } from '../protocol/system-reason.ts'
import { coveyVersion } from '../protocol/version.ts'
import { runAgent } from './commands/agent.ts'
import { enrolHost, enrolledText } from './commands/enrol.ts'
import { showIdentity } from './commands/identity.ts'
import { belowFolder, print, printError } from './commands/print.ts'

interface Places {
  readonly stateDir: string
  readonly runDir: string
  readonly config: string
  readonly debug?: boolean
}

function withPlaces(command: Command): Command {
  const { env } = process
  return command
    .option(
      '--state-dir <dir>',
      'where this host keeps its keys and documents (COVEY_STATE_DIR)',
      env['COVEY_STATE_DIR'] || '/var/lib/covey',
    )
    .option(
      '--run-dir <dir>',
      'where the sockets are (COVEY_RUN_DIR)',
      env['COVEY_RUN_DIR'] || '/run/covey',
    )
    .option(
      '--config <file>',
      "the host's own settings (COVEY_CONFIG)",
      env['COVEY_CONFIG'] || '/etc/covey/agent.json',
    )
    .option('--debug', 'show the stack of an error')
}

/** Reads a file, or stdin for `-`, as far as it may go: a bundle that is too large is refused. */
async function readInput(path: string): Promise<Uint8Array> {
  const hint = 'give the file that `covey bundle` wrote'
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    const stream = path === '-' ? process.stdin : (await open(path)).createReadStream()
    for await (const chunk of stream) {
      bytes += chunk.length
      if (bytes > bundleBytesMax) break
      chunks.push(chunk)
    }
  } catch (error) {
    const message = `${path} cannot be read: ${systemReason(error)}`
    throw new CoveyError('invalid-input', message, { hint })
  }
  if (bytes <= bundleBytesMax) return Buffer.concat(chunks)
  throw new CoveyError('invalid-input', `${path} is larger than any bundle`, { hint })
}

/** A bundle holds a config and the chain of roots. */
const bundleBytesMax = 4 * envelopeBytesMax

function buildProgram(): Command {
  const program = new Command('covey')
    .description("The host's side of covey: its keys, its membership, its agent.")
    .version(coveyVersion)
    .exitOverride()
    .configureOutput({ outputError: () => undefined })
  withPlaces(program.command('agent'))
    .description('run the agent of this host in the foreground, until SIGTERM')
    .addHelpText(
      'after',
      '\nExample:\n  covey agent\n\nIt logs JSON lines to stdout. Links and routes go on when it ends.',
    )
    .action(async (options: Places) => {
      await belowFolder(options.stateDir, () => runAgent(options))
    })
  withPlaces(program.command('identity'))
    .description("show this host's public keys and its card; the first call makes them")
    .option('--host <name>', 'name of this host in the cluster; needed at the first call')
    .option('--new-wireguard-key', 'add a WireGuard key, which a config can then name')
    .option(
      '--json',
      'print one JSON document: {host, peer_id, wireguard_public_key, sealing_public_key, card}',
    )
    .addHelpText('after', '\nExample:\n  covey identity --host cloud01 --json > cloud01.card.json')
    .action(
      async (options: Places & { host?: string; newWireguardKey?: boolean; json?: boolean }) => {
        const { stateDir, host, newWireguardKey = false } = options
        const view = await belowFolder(stateDir, () =>
          showIdentity({ stateDir, host, newWireguardKey }),
        )
        const text = [
          `host:                 ${view.host}`,
          `peer id:              ${view.peer_id}`,
          `WireGuard public key: ${view.wireguard_public_key}`,
          `sealing public key:   ${view.sealing_public_key}`,
          'For the operator: covey identity --json > card.json, then covey host add --card card.json',
        ]
        print(options.json, view, text.join('\n'))
      },
    )
  withPlaces(program.command('enrol'))
    .description('make this host a member of the cluster that a bundle describes')
    .argument('<bundle>', 'file from `covey bundle`, or - for stdin')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      '\nExample:\n  covey enrol cloud01.bundle.json && systemctl enable --now covey',
    )
    .action(async (path: string, options: Places & { json?: boolean }) => {
      const bytes = await readInput(path)
      const enrolled = await belowFolder(options.stateDir, () =>
        enrolHost(options.stateDir, bytes, path),
      )
      print(options.json, enrolled, enrolledText(enrolled))
    })
  for (const command of program.commands) {
    command.exitOverride().configureOutput({ outputError: () => undefined })
  }
  return program
}

// What a command has done is done, whether or not anybody could be told.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') return
  process.exitCode = 1
  const hint = 'hint: make room, or write elsewhere'
  process.stderr.write(`covey: cannot write the output: ${systemReason(error)}\n${hint}\n`)
})
process.stderr.on('error', () => undefined)

// Once, before anything is made: the mask belongs to the whole process, so that whoever changes it
// later changes the modes of what others are making at that moment.
process.umask(0o077)
const argv = process.argv.slice(2)
try {
  await buildProgram().parseAsync(argv, { from: 'user' })
} catch (error) {
  process.exitCode = printError(error, argv)
}
