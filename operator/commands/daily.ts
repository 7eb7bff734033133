import { containerCommands } from './containers/commands.ts'
import { orderCommands } from './containers/orders/commands.ts'
import { statsCommands } from './containers/stats/commands.ts'
import type { CommandDefinition } from './definition.ts'
import { rolloutCommands } from './rollout/commands.ts'
import { secretCommands } from './secrets/commands.ts'
import { stackCommands } from './stacks/commands.ts'

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
        'The card is the output of covey identity --host NAME --json on the host; it contains\n' +
        'NAME, which may be left out here. A host without an endpoint is behind NAT: it dials,\n' +
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
        ['--replace', 'accept a card with new keys for a known host'],
        ['--ssh <[user@]host[:port]>', 'where you reach it with ssh; the cluster is not told'],
      ],
      run: async (session, input) => (await import('./hosts/add.ts')).addHost(session, input),
    },
    {
      name: 'grant',
      parameters: '[grants...]',
      summary: 'on a host, let containers have something of it; without a grant, list them',
      details:
        'A grant is path:/FOLDER, device:/dev/NAME, sysctl:NAME, privileged:STACK/SERVICE or\n' +
        'host-network, host-metrics, dbus or udev. They stand in\n' +
        'the settings of the host (COVEY_CONFIG, /etc/covey/agent.json), which no config can\n' +
        'change. A running agent reads them within seconds. The name of a host may come\n' +
        'first, as in what covey plan prints: it has to be this one.',
      examples: [
        'covey host grant path:/srv device:/dev/dri',
        'covey host grant --revoke path:/srv',
      ],
      options: [['--revoke', 'take these grants away; what runs keeps them until it is made anew']],
      run: async (session, input) => (await import('./hosts/grant.ts')).grantOnHost(session, input),
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
        'The next covey apply makes the other hosts drop it. On the host itself nothing is\n' +
        'removed: stop its agent there, and ip link del wg_cluster.',
      examples: ['covey host remove local01 && covey apply'],
      run: async (session, input) => (await import('./hosts/list.ts')).removeHost(session, input),
    },
  ],
}

/** The commands that an operator uses every day, in the order of a cluster's life. */
export const dailyCommands: readonly CommandDefinition[] = [
  {
    name: 'init',
    parameters: '[dir]',
    summary: 'start a cluster: keys, first root document, starter cluster.yaml',
    details:
      'In DIR, or in the current folder. It makes an operator key, which signs configs, and a\n' +
      'recovery key, which can replace it: move that one to an offline place. Next, on each\n' +
      'host: covey identity --host NAME --json, and here: covey host add --card FILE.',
    examples: ['covey init . --name home', 'covey init ~/clusters/home --name home'],
    options: [['--name <name>', 'name of the cluster; required if there is no cluster.yaml yet']],
    run: async (session, input) => (await import('./init.ts')).initFolder(session, input),
  },
  host,
  stackCommands,
  ...rolloutCommands,
  {
    name: 'status',
    summary: 'show the state of the cluster, as this node knows it',
    details:
      'The first line says how many hosts hold the version of this node, and what needs\n' +
      'attention. HOLDS is the version that a host has stored, APPLIED the version that it has\n' +
      'applied, OBJECTS how many of its objects have converged, LINK whether this node talks\n' +
      'to it directly, AGE the age of its last report. Each state other than in-sync, and\n' +
      'each alarm, comes with a line that says what to do.\n' +
      'With --watch it continues until Ctrl-C: redrawn on a terminal, otherwise one line for\n' +
      'each change (with --json one JSON document on each line).',
    examples: ['covey status', 'covey status --watch'],
    options: [['--watch', 'continue and show every change']],
    run: async (session, input) => (await import('./status/status.ts')).showStatus(session, input),
  },
  ...containerCommands,
  ...orderCommands,
  ...statsCommands,
  {
    name: 'pull',
    parameters: '[what...]',
    summary: 'look up the tags of images again, and keep their new digests',
    details:
      'WHAT is a stack, or a service as shop/web; all where none is named. It shows old and new\n' +
      'digests and writes cluster.lock; covey apply brings them to the hosts. Nothing else ever\n' +
      'looks up a tag whose digest is known.',
    examples: ['covey pull', 'covey pull shop', 'covey pull shop/web'],
    run: async (session, input) => (await import('./images/look-up.ts')).pullTags(session, input),
  },
  secretCommands,
  {
    name: 'doctor',
    summary: 'find problems on a host that keep covey from working',
    details:
      'It checks for missing tools, for the host in the config, and for tables of other\n' +
      'firewalls that drop packets which covey needs. Exit code 1 if there is a problem; a\n' +
      'warning alone is not one.',
    examples: ['covey doctor', 'covey doctor --json'],
    run: async (session) => (await import('./hosts/doctor.ts')).examineHost(session),
  },
]
