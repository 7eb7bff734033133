import { hostOptions } from '../../../all-hosts/host-options.ts'
import type { CommandDefinition } from '../../definition.ts'

const waiting: NonNullable<CommandDefinition['options']> = [
  ['--no-wait', 'end as soon as the hosts have taken the order'],
  ['--timeout <time>', 'wait no longer than this: 90s, 10m (default), 1h'],
  ...hostOptions,
]

const about =
  'NAME is an object, a service (shop/web, or web), a replica (shop/web.2) or a stack; root\n' +
  'only. An order is on the disk of the host before it counts as taken: the host carries it\n' +
  'out also if this command, or its agent, ends before.\n'

/** Starting and stopping by hand. */
export const orderCommands: readonly CommandDefinition[] = [
  {
    name: 'start',
    parameters: '<name...>',
    summary: 'start containers that were stopped, or that have ended',
    details:
      `${about}` +
      'One that waits for its next try is started at once; one that runs once (restart: never)\n' +
      'runs once more. What runs stays as it is.',
    examples: ['covey start shop/web', 'covey start shop --host cloud01'],
    options: [
      ['--release', 'also where something else still holds it, as a move that was given up'],
      ...waiting,
    ],
    run: async (session, input) => (await import('./order.ts')).start(session, input),
  },
  {
    name: 'stop',
    parameters: '<name...>',
    summary: 'stop containers, and keep them stopped',
    details:
      `${about}` +
      'It gets its stop signal, and SIGKILL after its grace time. It stays stopped, also when\n' +
      'the host boots, until covey start or restart, or until an apply gives it a new revision.',
    examples: ['covey stop shop/web', 'covey stop shop --no-wait'],
    options: waiting,
    run: async (session, input) => (await import('./order.ts')).stop(session, input),
  },
  {
    name: 'restart',
    parameters: '<name...>',
    summary: 'stop containers and start them again',
    details:
      `${about}` +
      'The same container starts, with what it wrote; its failures so far count no more. Those\n' +
      'that share its network restart with it.',
    examples: ['covey restart shop/web', 'covey restart web --host cloud01'],
    options: waiting,
    run: async (session, input) => (await import('./order.ts')).restart(session, input),
  },
]
