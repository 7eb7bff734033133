import { Failure } from '../../terminal/failure.ts'
import type { CommandDefinition } from '../definition.ts'

/** Commands of the other program, which `bin/covey` runs where they come first on the line. */
function onHost(name: string, summary: string, examples: readonly string[]): CommandDefinition {
  return {
    name,
    parameters: '[arguments...]',
    summary,
    examples,
    run: () => {
      throw new Failure(2, 'command-order', `"${name}" must come first, flags after it`, {
        hint: `covey ${name} --help`,
      })
    },
  }
}

/** The commands that run on a host. */
export const hostCommands: readonly CommandDefinition[] = [
  onHost('agent', 'run the agent of this host', ['covey agent']),
  onHost('identity', "print this host's card; makes its keys at the first call", [
    'covey identity --host cloud01 --json > cloud01.card.json',
  ]),
  onHost('enrol', 'take this host into a cluster', ['covey enrol cloud01.bundle.json']),
]
