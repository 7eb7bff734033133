import { signOptions } from './config/sign-options.ts'
import { containerCommands } from './containers/commands.ts'
import type { CommandDefinition } from './definition.ts'

const host: CommandDefinition = {
  name: 'host',
  summary: 'add hosts to the layout, list them, take them out',
  examples: ['covey host add --card cloud01.card.json --endpoint 203.0.113.7:51820'],
  subcommands: [
    {
      name: 'add',
      parameters: '[name] [destination]',
      summary: 'put a host into cluster.yaml, and its card and address into cluster.lock',
      details:
        'The card is what covey identity --host NAME --json prints on the host; NAME is in it,\n' +
        'and may be left out here. Without an endpoint the host is one behind NAT: it dials,\n' +
        'and nobody dials it. DESTINATION is for a later version, which installs hosts over\n' +
        'ssh.\n' +
        'Next: covey apply, then covey bundle --host NAME for that host.',
      examples: [
        'covey host add --card cloud01.card.json --endpoint 203.0.113.7:51820',
        'covey host add --card local01.card.json          # behind NAT, without an endpoint',
      ],
      options: [
        ['--card <file>', 'required: what covey identity --json printed on the host'],
        ['--endpoint <host:port>', 'where others reach its WireGuard, over UDP'],
        ['--site <name>', 'where the host is; recorded for a later version'],
        ['--replace', 'take a card with other keys for a host that is known'],
      ],
      run: async (session, input) => (await import('./hosts/add.ts')).addHost(session, input),
    },
    {
      name: 'list',
      aliases: ['ls'],
      summary: 'show the hosts of the layout',
      examples: ['covey host list', 'covey host list --json'],
      run: async (session) => (await import('./hosts/list.ts')).listHosts(session),
    },
    {
      name: 'remove',
      aliases: ['rm'],
      parameters: '<name>',
      summary: 'take a host out of the layout',
      details:
        'The next covey apply makes the others drop it. On the host itself nothing is torn\n' +
        'down: stop its agent there, and ip link del wg_cluster.',
      examples: ['covey host remove local01 && covey apply'],
      run: async (session, input) => (await import('./hosts/list.ts')).removeHost(session, input),
    },
  ],
}

/** What an operator does every day, in the order of a cluster's life. */
export const dailyCommands: readonly CommandDefinition[] = [
  {
    name: 'init',
    parameters: '[dir]',
    summary: 'start a cluster: keys, first root document, starter cluster.yaml',
    details:
      'In DIR, else in the current folder. It makes an operator key, which signs configs, and\n' +
      'a recovery key, which can replace it: move that one to a place that is offline. Next,\n' +
      'on each host: covey identity --host NAME --json, and here: covey host add --card FILE.',
    examples: ['covey init . --name home', 'covey init ~/clusters/home --name home'],
    options: [
      ['--name <name>', 'name of the cluster; required where no cluster.yaml is there yet'],
    ],
    run: async (session, input) => (await import('./init.ts')).initFolder(session, input),
  },
  host,
  {
    name: 'apply',
    aliases: ['up'],
    summary: 'compile the layout, sign it, send it, and watch it arrive on every host',
    details:
      'It asks the node what it holds before anything is signed. Then:\n' +
      '- The layout means what the newest signed config says: that one is sent (again), and\n' +
      '  nothing is signed.\n' +
      '- Versions were signed in this folder and never reached the node (covey sign,\n' +
      '  --offline, a refusal): the next version follows them and is sent in their place. No\n' +
      '  --allow-gap is needed, because the folder knows what lies between.\n' +
      '- Another operator signed meanwhile: the new version follows theirs.\n' +
      '- One version was signed twice (alarm "fork"): a higher one is signed, which ends\n' +
      '  that.\n' +
      '\n' +
      'It waits up to 30 s for the hosts that the node has heard of, and names those that\n' +
      'nobody has heard of yet: they get the config when they are enrolled (covey bundle).\n' +
      'With --offline no node is asked, and the signed config goes to -o, or to stdout.',
    examples: ['covey apply', 'covey apply --offline -o home.signed.json'],
    options: [
      ['--yes', 'do not ask'],
      ['--offline', 'sign, and do not send'],
      ['-o, --output <file>', 'with --offline: where the signed config goes'],
      ['--no-wait', 'do not watch it arrive'],
      ...signOptions,
    ],
    run: async (session, input) => (await import('./config/apply.ts')).applyLayout(session, input),
  },
  {
    name: 'status',
    summary: 'show how the cluster is, as this node knows it',
    details:
      'The first line says how many hosts hold the version of this node, and what a person\n' +
      'should look at. HOLDS is the version that a host has stored, APPLIED the one that it\n' +
      'has worked through, OBJECTS how many of its objects are as they should be, LINK\n' +
      'whether this node talks to it directly, AGE how old the news of it is. Each state\n' +
      'other than in-sync, and each alarm, comes with a line that says what to do.\n' +
      'With --watch it goes on until Ctrl-C: redrawn on a terminal, else one line for each\n' +
      'change (with --json one JSON document on each line).',
    examples: ['covey status', 'covey status --watch'],
    options: [['--watch', 'go on and show every change']],
    run: async (session, input) => (await import('./status/status.ts')).showStatus(session, input),
  },
  ...containerCommands,
  {
    name: 'doctor',
    summary: 'say what around covey on a host may keep it from working',
    details:
      'It looks at tools that are missing, at the place of the host in the config, and at\n' +
      'tables of other firewalls that drop packets which covey needs. Exit code 1 if there\n' +
      'is a problem; a warning is none.',
    examples: ['covey doctor', 'covey doctor --json'],
    run: async (session) => (await import('./hosts/doctor.ts')).examineHost(session),
  },
]
