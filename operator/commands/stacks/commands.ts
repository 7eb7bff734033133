import type { CommandDefinition } from '../definition.ts'

/** Compose projects that come from Docker. */
export const stackCommands: CommandDefinition = {
  name: 'stack',
  summary: 'take Compose projects of a host over',
  examples: ['covey stack import root@pi.lan:/opt/immich'],
  subcommands: [
    {
      name: 'import',
      parameters: '<source>',
      summary: 'copy a Compose project from a host into the layout; on the host nothing changes',
      details:
        'SOURCE is [USER@]HOST:/FOLDER, or one Compose file in it; HOST may be a host of the\n' +
        'layout. Over ssh it copies the Compose files and what they name: includes, env files,\n' +
        'configs, secrets, and small files that are only read. They go to stacks/NAME, and the\n' +
        'layout gets a line for the stack. Data is not copied: folders beside the Compose file\n' +
        "and Docker's volumes are used where they are, by the grants that it prints.\n" +
        'Nothing is overwritten: run again, it says what differs (exit code 3).',
      examples: [
        'covey stack import root@pi.lan:/opt/immich',
        'covey stack import pi:/opt/immich/docker-compose.yml --name photos --ports lan',
      ],
      options: [
        ['--name <name>', 'name of the stack (default: that of the folder)'],
        ['--host <name>', 'which host of the layout it is, where its address does not say it'],
        [
          '--ports <scope>',
          'who reaches ports that name no address: mesh, lan or public (as with Docker)',
        ],
      ],
      run: async (session, input) => (await import('./import.ts')).importStack(session, input),
    },
  ],
}

/** The way back to Docker. */
export const exportCommands: CommandDefinition = {
  name: 'export',
  summary: 'give stacks back to other programs',
  examples: ['covey export compose immich'],
  subcommands: [
    {
      name: 'compose',
      parameters: '[stack]',
      summary: 'write the files by which Docker runs a stack with the same data',
      details:
        'The files of the stack as they are, and one more, which Compose merges over them: it says\n' +
        'where volumes and folders lie on the host. Without STACK it writes the services of\n' +
        'cluster.yaml itself. Nothing is overwritten, and nothing changes on any host.',
      examples: ['covey export compose immich', 'covey export compose shop --host cloud01 -o shop'],
      options: [
        ['-o, --output <dir>', 'a folder that is not there yet (default: STACK-compose)'],
        ['--host <name>', 'of which host, where the stack may run on several'],
        ['--state <dir>', "the agent's state there (default: /var/lib/covey)"],
      ],
      run: async (session, input) => (await import('./export.ts')).exportCompose(session, input),
    },
  ],
}
