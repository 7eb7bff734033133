import { signOptions } from './config/sign-options.ts'
import type { CommandDefinition } from './definition.ts'
import { firewallCommands } from './firewall/commands.ts'
import { imageCommands } from './images/commands.ts'
import { exportCommands } from './stacks/commands.ts'
import { trustCommands } from './trust/trust.ts'
import { volumeCommands } from './volumes/commands.ts'

const key: CommandDefinition = {
  name: 'key',
  summary: 'make and show the keys of operators',
  examples: ['covey key list'],
  subcommands: [
    {
      name: 'new',
      parameters: '[name]',
      summary: 'make an operator key; the private part stays in its file',
      details: 'Its file is NAME.jwk.json in the key folder; NAME is "operator" by default.',
      examples: ['covey key new alice'],
      run: async (session, input) => (await import('./trust/key.ts')).makeKey(session, input),
    },
    {
      name: 'list',
      aliases: ['ls'],
      summary: 'show the keys of the key folder, and what they may sign here',
      examples: ['covey key list', 'covey key list --json'],
      run: async (session) => (await import('./trust/key.ts')).listKeys(session),
    },
    {
      name: 'show',
      parameters: '<key>',
      summary: 'print the public part of a key, given by its name, its kid or the start of its kid',
      examples: ['covey key show home.operator'],
      run: async (session, input) => (await import('./trust/key.ts')).showKey(session, input),
    },
    {
      name: 'check-recovery',
      parameters: '[file]',
      summary: 'check that a recovery key is whole and may sign the next root document',
      examples: ['covey key check-recovery /media/usb/home.recovery.jwk.json'],
      run: async (session, input) => (await import('./trust/key.ts')).checkRecovery(session, input),
    },
  ],
}

const config: CommandDefinition = {
  name: 'config',
  summary: 'show the config that a node holds',
  examples: ['covey config show'],
  subcommands: [
    {
      name: 'show',
      summary: 'print the config at the head of a node',
      examples: ['covey config show', 'covey config show --jwt', 'covey config show --signed'],
      options: [
        ['--jwt', 'as a JWT (compact form), if it has one signature'],
        ['--signed', 'as the signed document that covey inject takes'],
      ],
      run: async (session, input) => (await import('./config/show.ts')).showConfig(session, input),
    },
  ],
}

/** The steps that the daily commands are made of. */
export const plumbingCommands: readonly CommandDefinition[] = [
  {
    name: 'validate',
    parameters: '<file>',
    summary: 'check a layout, a config, a root or a signed document, and report every fault',
    examples: ['covey validate cluster.yaml', 'covey validate home.signed.json'],
    run: async (session, input) =>
      (await import('./config/validate.ts')).validateFile(session, input),
  },
  {
    name: 'compile',
    summary: 'compile the layout to a config, unsigned',
    details:
      'Pure in cluster.yaml, the Compose files that it names, and the cluster.lock beside it:\n' +
      'same input, same bytes. New places and addresses are added to the lock.',
    examples: ['covey compile', 'covey compile -f cluster.yaml -o config.json'],
    options: [
      ['-f, --file <layout>', 'the layout (default: cluster.yaml of the folder)'],
      ['-o, --output <file>', 'where the config goes (default: stdout)'],
      ['--env <name=value>', 'a variable of Compose files; cluster.lock keeps it', 'repeated'],
      ['--frozen', 'refuse to change the lock (exit code 4)'],
      ['--prune', 'remove facts from the lock that nothing uses any more'],
    ],
    run: async (session, input) =>
      (await import('./config/compile.ts')).compileFile(session, input),
  },
  {
    name: 'adopt',
    summary: 'write what the cluster has and the layout lacks into the layout',
    details:
      'For a cluster whose config was written by hand: objects that no layout made go into\n' +
      'hosts.NAME.objects of cluster.yaml, their subnets and addresses into cluster.lock.\n' +
      'Comments and order of the layout stay.',
    examples: ['covey adopt', 'covey adopt --offline       # the newest config in history/'],
    options: [['--offline', 'ask no node: take the newest config of the history']],
    run: async (session, input) => (await import('./config/adopt.ts')).adoptObjects(session, input),
  },
  {
    name: 'sign',
    parameters: '[config]',
    summary: 'sign a config; it is recorded in history/ first',
    details:
      'The file holds at least {"hosts": {…}}; the claims (aud, epoch, version …) are added.\n' +
      'It follows the newest config in history/, or the one given with --base.\n' +
      'A signed config is accepted too: its hosts are signed again, for example of a lost\n' +
      'branch. If several must sign, it waits in unfinished/ until the others have run --add.',
    examples: [
      'covey sign config.json -o signed.json',
      'covey compile | covey sign - | covey inject -',
      'covey sign --add signed.json -o signed-by-both.json',
    ],
    options: [
      ['-o, --output <file>', 'where the signed config goes (default: stdout)'],
      ['--base <file>', 'the signed config that this one follows'],
      ['--add <signed>', 'add your signature to what another operator has signed'],
      ...signOptions,
    ],
    run: async (session, input) => (await import('./config/sign.ts')).signFile(session, input),
  },
  {
    name: 'inject',
    parameters: '<signed>',
    summary: 'send a signed config, or a delivery with a new root, to a node, which passes it on',
    details:
      'SIGNED is a file, or - for stdin. Only its form is checked here; the node decides.\n' +
      'Exit code 0: it holds the config (accepted, already-head, or a fork that this one\n' +
      'won); 4: any other verdict, and the head of the node is as before; 2: the file is not\n' +
      'a signed config.\n' +
      'With --json: {"verdict", "code", "message", "head"}.',
    examples: ['covey inject home.signed.json', 'covey inject - --json < home.signed.json'],
    options: signOptions,
    run: async (session, input) => (await import('./config/inject.ts')).injectFile(session, input),
  },
  {
    name: 'bundle',
    summary: 'pack what a host needs to enrol: roots, root digest, floor, newest signed config',
    details:
      'It holds no secret. Carry it to the host, and there: covey enrol FILE. The others\n' +
      'admit the host once they hold a config that lists it, so covey apply comes first.',
    examples: ['covey bundle --host cloud01 -o cloud01.bundle.json'],
    options: [
      ['--host <name>', 'required: the host it is for'],
      ['-o, --output <file>', 'where the bundle goes (default: stdout)'],
    ],
    run: async (session, input) => (await import('./hosts/bundle.ts')).makeBundle(session, input),
  },
  config,
  {
    name: 'history',
    summary: 'list every config that was signed here, the newest first, and lost ones',
    details:
      'CHANGED counts the hosts that differ from the config before. A "lost" version is left\n' +
      'out by the newest one; an "unfinished" one waits for the signatures of others.',
    examples: ['covey history', 'covey history --json'],
    run: async (session) => (await import('./config/history.ts')).showHistory(session),
  },
  key,
  ...trustCommands,
  firewallCommands,
  imageCommands,
  volumeCommands,
  exportCommands,
  {
    name: 'dial-stdio',
    summary: 'join stdin and stdout with the agent; what covey runs on a host over ssh',
    details:
      'Where the sockets of a host cannot be forwarded, --to ssh://HOST runs this there. It speaks\n' +
      'to admin.sock, or to covey.sock where the user may only look. A key of ssh can be given\n' +
      'nothing but this: command="covey dial-stdio",restrict ssh-ed25519 AAAA…',
    examples: ['covey dial-stdio'],
    run: async (session) => (await import('./hosts/dial-stdio.ts')).dialStdio(session),
  },
  {
    name: 'schema',
    parameters: '[of]',
    summary: "print the JSON Schema of a config, of a layout, or of an agent's answers",
    details:
      'OF is config (the default) or layout, for editors; or api, for scripts that ask the sockets of an agent.',
    examples: ['covey schema > config.schema.json', 'covey schema layout > cluster.schema.json'],
    run: async (session, input) => (await import('./config/schema.ts')).printSchema(session, input),
  },
]
