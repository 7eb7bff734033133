import { Command, Option } from 'commander'
import { coveyVersion } from '../protocol/version.ts'
import { dailyCommands } from './commands/daily.ts'
import type { CommandDefinition, Input } from './commands/definition.ts'
import { hostCommands } from './commands/hosts/on-host.ts'
import { plumbingCommands } from './commands/plumbing.ts'
import { Failure } from './terminal/failure.ts'
import type { Io } from './terminal/io.ts'
import { openSession } from './terminal/session.ts'

const exitCodes = `
Exit codes: 0 done, 1 it failed, 2 wrong usage or invalid input, 4 refused, 5 no agent answers.
A variable in capitals says the same as its flag; the flag wins.
'covey COMMAND --help' explains a command, with an example.

A first cluster: covey init; on each host covey identity; here covey host add, covey apply --offline
and covey bundle; on each host covey enrol and covey agent; then covey status.`

/** The whole command line, ready to parse. Nothing is read or printed before it parses. */
export function buildProgram(io: Io): Command {
  const program = new Command('covey')
    .description('small clusters with no control plane: a signed config that every host applies')
    .usage('COMMAND [options]')
    .version(coveyVersion, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'show help')
    .configureHelp({ showGlobalOptions: true, helpWidth: 100 })
    .option('--json', 'print exactly one JSON document on stdout')
    .option('--debug', 'show the stack of an error')
    .option('--dir <dir>', "the operator's folder (default: found upwards, as git does)")
    .option('--key-dir <dir>', 'folder of your keys (COVEY_KEY_DIR, default: ~/.config/covey/keys)')
    .option(
      '--to <node>',
      'node to talk to: a socket, or ssh://[user@]host (default: see --run-dir)',
    )
    .option('--run-dir <dir>', "folder of this host's sockets (COVEY_RUN_DIR, default: /run/covey)")
    // No command of this program reads these two; they are taken so that scripts can pass them to
    // all.
    .addOption(new Option('--state-dir <dir>').hideHelp())
    .addOption(new Option('--config <file>').hideHelp())
    .helpCommand(false)
  program.addHelpText('after', exitCodes)
  const groups: readonly (readonly [string, readonly CommandDefinition[]])[] = [
    ['Daily:', dailyCommands],
    ['On a host:', hostCommands],
    ['Plumbing:', plumbingCommands],
  ]
  prepare(program, io)
  for (const [heading, definitions] of groups) {
    program.commandsGroup(heading)
    for (const definition of definitions) addCommand(program, definition, io)
  }
  addHelp(program, io)
  return program
}

function addCommand(parent: Command, definition: CommandDefinition, io: Io): void {
  const { name, parameters, subcommands, run } = definition
  const command = parent.command(parameters === undefined ? name : `${name} ${parameters}`)
  command.summary(definition.summary).aliases([...(definition.aliases ?? [])])
  const details = definition.details === undefined ? '' : `\n\n${definition.details}`
  command.description(`${sentence(definition.summary)}${details}`)
  for (const [flags, description, repeated] of definition.options ?? []) {
    if (repeated === undefined) command.option(flags, description)
    else command.option(flags, description, collect)
  }
  const examples = definition.examples.map((line) => `  $ ${line}\n`).join('')
  command.addHelpText('after', `\nExamples:\n${examples}`.trimEnd())
  prepare(command, io)
  if (subcommands !== undefined) command.helpCommand(false)
  for (const below of subcommands ?? []) addCommand(command, below, io)
  if (run === undefined) return
  command.action(async () => {
    expectValues(command)
    const session = openSession(command.optsWithGlobals(), io)
    await run(session, inputOf(command))
  })
}

/** Empty is a variable of a script that was not set; as a path it would be the folder here. */
function expectValues(command: Command): void {
  for (const [name, value] of Object.entries(command.optsWithGlobals())) {
    // The value of a variable may be empty.
    const isEmpty = Array.isArray(value) ? name !== 'env' && value.includes('') : value === ''
    if (!isEmpty) continue
    const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`
    throw new Failure(2, 'usage', `the value of ${flag} is empty`, {
      hint: `give it one, or leave ${flag} out`,
    })
  }
}

/** `covey help host add`: commander's own looks one word far, and takes any word. */
function addHelp(program: Command, io: Io): void {
  const command = program.command('help [command...]').summary('show help of a command')
  prepare(command.description('Show help of a command.'), io)
  command.action((words: readonly string[]) => {
    let at = program
    for (const word of words) {
      const below = commandBelow(at, word)
      if (below === undefined) {
        throw new Failure(2, 'usage', `there is no command "${words.join(' ')}"`, {
          hint: 'covey --help',
        })
      }
      at = below
    }
    at.outputHelp()
  })
}

/** The command that a word means below another one, by its name or an alias. */
export function commandBelow(command: Command, word: string): Command | undefined {
  return command.commands.find((one) => one.name() === word || one.aliases().includes(word))
}

function prepare(command: Command, io: Io): void {
  command.exitOverride()
  command.configureOutput({
    writeOut: (text) => io.out(text),
    writeErr: (text) => io.err(text),
    outputError: () => {},
    getOutHelpWidth: () => 100,
    getErrHelpWidth: () => 100,
    getOutHasColors: () => false,
    getErrHasColors: () => false,
  })
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value]
}

function inputOf(command: Command): Input {
  const options: Readonly<Record<string, unknown>> = command.opts()
  return {
    args: command.args,
    text: (option) => {
      const value = options[option]
      return typeof value === 'string' ? value : undefined
    },
    list: (option) => {
      const value = options[option]
      return Array.isArray(value) ? value : []
    },
    is: (option) => options[option] === true,
    isNot: (option) => options[option] === false,
  }
}

function sentence(summary: string): string {
  return `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`
}
