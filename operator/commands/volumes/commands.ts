import { hostOptions } from '../../all-hosts/host-options.ts'
import type { CommandDefinition } from '../definition.ts'

/** The commands for volumes. The agent of their host does the work. */
export const volumeCommands: CommandDefinition = {
  name: 'volume',
  summary: 'list, back up, restore, move and remove volumes',
  details:
    'A volume is named by its object, as shop-pgdata_v, or by stack and volume, as\n' +
    'shop/pgdata. Its content is for root alone: use sudo, or --to another host.',
  examples: ['covey volume list'],
  subcommands: [
    {
      name: 'list',
      aliases: ['ls', 'du'],
      summary: 'show volumes, their size, and who uses them',
      details: 'SIZE is the space that a volume takes, FREE what is left for it.',
      examples: ['covey volume list', 'covey --to ssh://root@cloud01 volume list --json'],
      options: hostOptions,
      run: async (session, input) => (await import('./list.ts')).showVolumes(session, input),
    },
    {
      name: 'backup',
      parameters: '<volume> [command...]',
      summary: 'save the content of a volume as a tar archive, packed with zstd',
      details:
        'Owners, modes, extended attributes, ACLs, hard links and holes are kept.\n' +
        'Beside FILE goes FILE.sha256, with its checksum. The containers that use the\n' +
        'volume are stopped, and started again as soon as the host has the archive. With\n' +
        '--before a command in a container makes the content fit to be saved while they\n' +
        'run, as a dump into the volume; --live saves it as it is.',
      examples: [
        'covey volume backup shop/pgdata -o pgdata.tar.zst',
        'covey volume backup shop/media --live -o media.tar.zst',
        'covey volume backup shop/data -o data.tar.zst --before shop/db -- sh /dump.sh',
      ],
      options: [
        ['-o, --output <file>', 'required: where the archive goes'],
        ['--live', 'save it while containers use it'],
        ['--before <service>', 'run COMMAND in this service first, and save it while it runs'],
        ['--no-stop', 'stop nothing: refuse where a container runs that uses it'],
        ['--resume', 'go on with an archive whose copying broke off'],
        ['--direct', 'keep no copy on the host, which then has to have room for none'],
        ...hostOptions,
      ],
      run: async (session, input) => (await import('./backup.ts')).backUpVolume(session, input),
    },
    {
      name: 'move',
      parameters: '<volume> <host>',
      summary: 'move a volume, and the services that use it, to another host',
      details:
        'VOLUME is a volume or a service, as shop/pgdata or shop/db. All services that share\n' +
        'its volumes go along. A signed version stops them where they are; the volumes are\n' +
        'copied through this machine; they start at HOST once all of it is there. The old\n' +
        'host keeps its copy until covey volume remove. Run again, it goes on; moving back\n' +
        'to the old host calls off what has not ended.',
      examples: ['covey volume move shop/pgdata cloud02'],
      options: [
        ['-y, --yes', 'do not ask'],
        ['--replace', 'also where HOST has content in such a volume: it is removed'],
        ['--timeout <time>', 'wait this long until all is well, as 90s or 10m; 10m by default'],
      ],
      run: async (session, input) => (await import('./move.ts')).moveVolume(session, input),
    },
    {
      name: 'remove',
      parameters: '<volume>',
      summary: 'remove a volume that no config names any more, with all that is in it',
      examples: ['covey volume remove shop/pgdata --host cloud01 --yes'],
      options: [['-y, --yes', 'do not ask'], ...hostOptions],
      run: async (session, input) => (await import('./remove.ts')).removeVolume(session, input),
    },
    {
      name: 'restore',
      parameters: '<volume> <file>',
      summary: 'put the content of an archive into a volume',
      details:
        'The archive is sent to the host and unpacked beside the volume. If all of it is\n' +
        'sound and has the checksum of FILE.sha256, or of --sha256, the containers that\n' +
        'use the volume are stopped, it takes the place of the old content at once, and\n' +
        'they are started again. Else nothing changes. Run again, it goes on.',
      examples: ['covey volume restore shop/pgdata data.tar.zst --replace'],
      options: [
        ['--replace', 'also where the volume is not empty: what it holds is removed'],
        ['--sha256 <checksum>', 'checksum of the archive, in place of FILE.sha256'],
        ['--no-stop', 'stop nothing: refuse where a container runs that uses it'],
        ['--direct', 'keep no copy of the archive on the host'],
        ...hostOptions,
      ],
      run: async (session, input) => (await import('./restore.ts')).restoreVolume(session, input),
    },
  ],
}
