import { signOptions } from '../config/sign-options.ts'
import type { CommandDefinition } from '../definition.ts'
import { guardOptions } from './guard-options.ts'

/** Options of the commands that watch what they have sent. */
const watchOptions = [
  ['--no-wait', 'do not watch it arrive'],
  ['--timeout <time>', 'how long to watch, as 90s, 10m or 1h (default: 10m)'],
] as const

/** The commands that compare the config in force with the layout, and go from one to the other. */
export const rolloutCommands: readonly CommandDefinition[] = [
  {
    name: 'plan',
    parameters: '[config]',
    summary: 'show what apply would change, restart, open and lose; nothing is signed',
    details:
      'It compares the layout with what the node holds: each service or object that differs,\n' +
      'field by field, what that does to what runs, which ports open or close, which data\n' +
      'would be lost, what hosts have to grant, and what would be refused. CONFIG is a config\n' +
      'by hand, or a plan that was kept, in place of the layout.\n' +
      'With --out the plan is kept, and covey apply FILE carries out just that: it refuses\n' +
      'where the node holds another version by then.\n' +
      'With --json: {"version", "changes", "opens", "closes", "loses", "needs", "guards"}.',
    examples: ['covey plan', 'covey plan --detailed-exitcode', 'covey plan --out next.json'],
    options: [
      ['--env <name=value>', 'a variable of Compose files; cluster.lock keeps it', 'repeated'],
      ['--detailed-exitcode', 'exit code 3 where there is something to do'],
      ['--out <file>', 'keep the plan, for covey apply FILE'],
      ['--host <name>', 'show what is about this host only'],
    ],
    run: async (session, input) => (await import('./plan.ts')).showLayoutPlan(session, input),
  },
  {
    name: 'apply',
    aliases: ['up'],
    parameters: '[plan]',
    summary: 'compile the layout, sign it, send it, and watch until everything is well',
    details:
      'It shows the plan and asks. PLAN is one that covey plan --out kept. What is dangerous\n' +
      'is refused with exit code 4 and the option that says it is meant. Then:\n' +
      '- The layout means what the newest signed config says: that one is sent (again), and\n' +
      '  nothing is signed.\n' +
      '- Versions were signed in this folder and never reached the node (covey sign,\n' +
      '  --offline, a refusal): the next version follows them and is sent in their place. No\n' +
      '  --allow-gap is needed, because the folder knows what lies between.\n' +
      '- Another operator signed meanwhile: the new version follows theirs. Where it would\n' +
      '  take back what they changed, the fields are named, and it takes --overwrite.\n' +
      '- One version was signed twice (alarm "fork"): a higher one is signed, which ends\n' +
      '  that.\n' +
      '\n' +
      'Hosts that have replicas of one service take turns: up to 12 versions, one after\n' +
      'another, and the first that does not go well ends it. It waits until every host that\n' +
      'the node has heard of runs the version and all its objects are as they should be.\n' +
      'Exit code 0: they are; 1: it says what is not, and why. Ctrl-C loses nothing: run it\n' +
      'again, and it goes on. Hosts that nobody has heard of get the config when they are\n' +
      'enrolled (covey bundle).\n' +
      'With --replace-docker the Compose project that Docker runs of STACK is stopped first:\n' +
      "the one of its folder, its name, or its ports. Where covey's services do not become\n" +
      'healthy in time, the services of before are put back, and the project is started again.\n' +
      'With --offline no node is asked, and the signed config goes to -o, or to stdout.',
    examples: ['covey apply', 'covey up --yes', 'covey apply --offline -o home.signed.json'],
    options: [
      ['--yes', 'do not ask'],
      ['--env <name=value>', 'a variable of Compose files; cluster.lock keeps it', 'repeated'],
      ['--offline', 'sign, and do not send'],
      ['-o, --output <file>', 'with --offline: where the signed config goes'],
      ['--replace-docker <stack>', 'stop what Docker runs of it before', 'repeated'],
      ...watchOptions,
      ...guardOptions,
      ...signOptions,
    ],
    run: async (session, input) => (await import('./apply.ts')).applyLayout(session, input),
  },
  {
    name: 'rollback',
    parameters: '[version]',
    summary: 'go back to the services of an older version, as a new version',
    details:
      'VERSION is one of covey history; without it, the newest one before that had other\n' +
      'services. Hosts, networks and secrets stay as they are now: a host that was removed\n' +
      'does not come back, and no old secret does. It shows the plan, asks, and watches as\n' +
      'apply does. The layout is not changed: mend it before the next apply.',
    examples: ['covey rollback', 'covey rollback 41 --yes'],
    options: [['--yes', 'do not ask'], ...watchOptions, ...guardOptions, ...signOptions],
    run: async (session, input) => (await import('./rollback.ts')).rollBack(session, input),
  },
]
