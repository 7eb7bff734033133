import type { CommandDefinition } from '../commands/definition.ts'

/** Switches of every command that works for several hosts. */
export const hostOptions: NonNullable<CommandDefinition['options']> = [
  ['--host <name>', 'only this host; may be given several times', 'repeated'],
  ['-A, --all-hosts', 'all hosts that the node knows, also without a layout'],
]
