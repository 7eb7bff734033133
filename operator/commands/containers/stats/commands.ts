import { hostOptions } from '../../../all-hosts/host-options.ts'
import type { CommandDefinition } from '../../definition.ts'

/** The command that shows the resources that containers use. */
export const statsCommands: readonly CommandDefinition[] = [
  {
    name: 'stats',
    parameters: '[name...]',
    summary: 'show what containers use: processor, memory, network, disk',
    details:
      'Each host is looked at twice, a second apart. CPU % is 100 for one processor all the\n' +
      'time; MEM % is of the limit, or of the memory of the host. NET is the traffic of the\n' +
      'network of the container, READ and WRITE that with block devices. - is not counted, or\n' +
      'not known yet. NAME is as for covey ps; only what runs is shown.\n' +
      'With --watch it continues until Ctrl-C, redrawn on a terminal. With --json: a list with\n' +
      'a document for each container (docs/CONTAINERS.md); with --watch a list on each line.',
    examples: ['covey stats', 'covey stats shop --watch', 'covey stats --json'],
    options: [['--watch', 'continue, and look again every 2 s'], ...hostOptions],
    run: async (session, input) => (await import('./stats.ts')).showStats(session, input),
  },
]
