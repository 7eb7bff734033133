import type { CommandDefinition } from '../definition.ts'

const rotationDetails =
  'It makes the next root document and, under it, version 1 of a new epoch with the hosts of\n' +
  'the newest config in history/. Both are recorded here first, then written as one delivery,\n' +
  'which covey inject takes. It needs the signatures that the present root requires, and those\n' +
  'that the new one does; if yours are too few, the delivery waits until the others have\n' +
  'signed it with covey root sign. It is refused (exit code 4) if none of your keys could sign\n' +
  'configs, or, without --force, root documents afterwards: those who stay remove those who\n' +
  'leave.'

const rotationOptions: readonly (readonly [string, string])[] = [
  ['-o, --output <file>', 'where the delivery goes (default: stdout)'],
  ['--base <file>', 'the signed config whose hosts it carries (default: the newest in history/)'],
  ['--abandon', 'discard a rotation that waits for signatures'],
  ['--force', 'allow that none of your keys can sign root documents afterwards'],
]

const roleOptions: readonly (readonly [string, string])[] = [
  ['--role <role>', 'config, root or both (default: both)'],
  ['--threshold <k>', 'how many keys must sign from then on, in these roles'],
  ['--sign-with <file>', 'a key to sign with that is not in the key folder'],
]

const operator: CommandDefinition = {
  name: 'operator',
  summary: 'change who may sign: add an operator, remove one',
  examples: ['covey operator add bob --key bob.jwk.json -o root.json && covey inject root.json'],
  subcommands: [
    {
      name: 'add',
      parameters: '<name>',
      summary: 'allow another key to sign, by a new root document',
      details: rotationDetails,
      examples: [
        'covey operator add bob --key bob.jwk.json -o root.json',
        'covey operator add ci --key ci.jwk.json --role config -o root.json',
      ],
      options: [
        ['--key <file>', "the newcomer's public key, as covey key show prints it"],
        ...roleOptions,
        ...rotationOptions,
      ],
      run: async (session, input) => (await import('./rotate.ts')).addOperator(session, input),
    },
    {
      name: 'remove',
      aliases: ['rm'],
      parameters: '<name>',
      summary: 'remove a key, given by its operator or its kid, by a new root document',
      details: rotationDetails,
      examples: ['covey operator remove bob -o root.json && covey inject root.json'],
      options: [...roleOptions, ...rotationOptions],
      run: async (session, input) => (await import('./rotate.ts')).removeOperator(session, input),
    },
  ],
}

const root: CommandDefinition = {
  name: 'root',
  summary: 'show the root documents, replace them, sign those of others',
  examples: ['covey root show'],
  subcommands: [
    {
      name: 'show',
      summary: 'show the chain of root documents, who may sign what, and which keys are yours',
      examples: ['covey root show', 'covey root show --json'],
      run: async (session) => (await import('./show.ts')).showRoot(session),
    },
    {
      name: 'rotate',
      summary: 'make the next root document: other thresholds, a new key, a fork settled',
      details: rotationDetails,
      examples: [
        'covey root rotate --replace-own-key -o root.json && covey inject root.json',
        'covey root rotate --key /media/usb/home.recovery.jwk.json --replace-own-key -o root.json',
        'covey root rotate --settle other-root.json --key bob.jwk.json -o root.json',
      ],
      options: [
        ['--threshold-root <k>', 'how many keys must sign root documents'],
        ['--threshold-config <k>', 'how many keys must sign configs'],
        ['--replace-own-key', 'make a new operator key that replaces yours'],
        ['--replace <name>', 'with --replace-own-key: whose key, if that is unclear'],
        [
          '--key <file>',
          'a key to sign with that is not in the key folder, such as the recovery key',
        ],
        ['--settle <file>', 'end a fork: the other root document of the same number'],
        ...rotationOptions,
      ],
      run: async (session, input) => (await import('./rotate.ts')).rotate(session, input),
    },
    {
      name: 'sign',
      parameters: '<delivery>',
      summary: 'add your signatures to a root document that another operator has made',
      details:
        'It shows what the new root changes. Once the delivery has all its signatures, it is\n' +
        'recorded in this folder too, so its maker also runs this on the finished file. It is\n' +
        'refused if its config has other hosts than the config before, unless --force is given.',
      examples: ['covey root sign root.json -o root.signed.json'],
      options: [
        ['-o, --output <file>', 'where the delivery goes (default: stdout)'],
        ['--key <file>', 'a key to sign with that is not in the key folder'],
        ['--abandon', 'discard another rotation that waits in this folder'],
        ['--force', 'sign even if the config has other hosts, or leaves out one of yours'],
      ],
      run: async (session, input) => (await import('./root-sign.ts')).signRoot(session, input),
    },
  ],
}

/** The commands that decide who may sign. */
export const trustCommands: readonly CommandDefinition[] = [operator, root]
