import type { CommandDefinition } from '../definition.ts'

/** `covey secret …`. */
export const secretCommands: CommandDefinition = {
  name: 'secret',
  summary: 'keep the secrets of services, sealed to the operators',
  details:
    'Secrets lie in secrets/ of the folder, encrypted to the keys of all operators, and may be\n' +
    'committed. covey apply seals them again to just the hosts that use them.',
  examples: ['covey secret set db_password', 'covey secret list'],
  subcommands: [
    {
      name: 'set',
      parameters: '<name>',
      summary: 'keep a secret; its content comes from the terminal, stdin or a file',
      examples: [
        'covey secret set db_password',
        'pass show db | covey secret set db_password',
        'covey secret set tls_key --file key.pem',
      ],
      options: [['--file <path>', 'the file that holds the content']],
      run: async (session, input) => (await import('./secrets.ts')).setSecret(session, input),
    },
    {
      name: 'list',
      aliases: ['ls'],
      summary: 'show the names of secrets, and who cannot read them',
      examples: ['covey secret list', 'covey secret list --json'],
      run: async (session) => (await import('./secrets.ts')).listSecrets(session),
    },
    {
      name: 'remove',
      aliases: ['rm'],
      parameters: '<name>',
      summary: 'forget a secret',
      examples: ['covey secret remove db_password'],
      run: async (session, input) => (await import('./secrets.ts')).removeSecret(session, input),
    },
    {
      name: 'reseal',
      summary: 'seal all secrets again, to the operators of now',
      details: 'Run it after an operator has come or gone. One who has gone may know the content.',
      examples: ['covey secret reseal'],
      run: async (session) => (await import('./secrets.ts')).resealSecrets(session),
    },
  ],
}
