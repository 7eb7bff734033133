import type { CommandDefinition } from '../definition.ts'

/** What a person does with the volumes of one host. The agent there does the work. */
export const volumeCommands: CommandDefinition = {
  name: 'volume',
  summary: 'list, back up and restore the volumes of a host',
  details:
    'A volume is named by its object, as shop-pgdata_v, or by stack and volume, as\n' +
    'shop/pgdata. Its content is for root alone: use sudo, or --to another host.',
  examples: ['covey volume list'],
  subcommands: [
    {
      name: 'list',
      aliases: ['ls', 'du'],
      summary: 'show the volumes of the host, their size, and who uses them',
      details: 'SIZE is the space that a volume takes, FREE what is left for it.',
      examples: ['covey volume list', 'covey --to ssh://root@cloud01 volume list --json'],
      run: async (session) => (await import('./list.ts')).showVolumes(session),
    },
    {
      name: 'backup',
      parameters: '<volume>',
      summary: 'save the content of a volume as a tar archive, packed with zstd',
      details:
        'Owners, modes, extended attributes, ACLs, hard links and holes are kept.\n' +
        'Beside FILE goes FILE.sha256, with its checksum. A volume that a running\n' +
        'container uses is refused: its files may not fit each other. With --live it is\n' +
        'saved all the same.',
      examples: [
        'covey volume backup shop/pgdata -o pgdata.tar.zst',
        'covey volume backup shop/media --live -o media.tar.zst',
      ],
      options: [
        ['-o, --output <file>', 'required: where the archive goes'],
        ['--live', 'save it also while containers use it'],
      ],
      run: async (session, input) => (await import('./backup.ts')).backUpVolume(session, input),
    },
    {
      name: 'restore',
      parameters: '<volume> <file>',
      summary: 'put the content of an archive into a volume',
      details:
        'The archive is unpacked beside the volume, and takes its place at once when all\n' +
        'of it is sound and has the checksum of FILE.sha256, or of --sha256. Else nothing\n' +
        'changes.',
      examples: ['covey volume restore shop/pgdata data.tar.zst --replace'],
      options: [
        ['--replace', 'also where the volume is not empty: what it holds is removed'],
        ['--sha256 <checksum>', 'checksum of the archive, in place of FILE.sha256'],
      ],
      run: async (session, input) => (await import('./restore.ts')).restoreVolume(session, input),
    },
  ],
}
