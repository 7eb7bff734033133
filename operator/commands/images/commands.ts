import type { CommandDefinition } from '../definition.ts'

/** The commands for the images of one host. The agent there does the work. */
export const imageCommands: CommandDefinition = {
  name: 'image',
  summary: 'pull, list, prune, load and save the images of a host',
  details:
    'Images are named by digest, as in a config: registry/name[:tag]@sha256:…; the digest\n' +
    'alone decides. What a config names is pulled without any of these commands.',
  examples: ['covey image list'],
  subcommands: [
    {
      name: 'list',
      aliases: ['ls'],
      summary: 'show the images of the host, and who needs them',
      details: 'SIZE is the unpacked size of an image; layers that images share count for each.',
      examples: ['covey image list', 'covey image list --json'],
      run: async (session) => (await import('./list.ts')).showImages(session),
    },
    {
      name: 'pull',
      parameters: '<reference>',
      summary: 'fetch an image now, before a config needs it',
      details:
        'Ctrl-C ends it, unless the config needs the image too. Layers that are already\n' +
        'unpacked are not fetched again.',
      examples: ['covey image pull registry.example/team/web:1.4@sha256:…'],
      run: async (session, input) => (await import('./pull.ts')).pullImage(session, input),
    },
    {
      name: 'prune',
      summary: 'remove the images that no config and no container needs',
      examples: ['covey image prune'],
      run: async (session) => (await import('./prune.ts')).pruneImages(session),
    },
    {
      name: 'load',
      parameters: '<file>',
      summary: 'load images from an archive, for a host without a registry',
      details:
        'FILE is an OCI archive (covey image save, skopeo, podman save --format oci-archive) or\n' +
        'the output of docker save, plain or packed with gzip or zstd; - is stdin. It prints\n' +
        'the name of each image for a config. No registry is asked for an image that is here.',
      examples: [
        'covey image load web.tar',
        'docker save web:1.4 | ssh local01 covey image load -',
      ],
      run: async (session, input) => (await import('./load.ts')).loadImages(session, input),
    },
    {
      name: 'save',
      parameters: '<reference>',
      summary: 'save an image as an OCI archive, for covey image load on another host',
      details: 'REFERENCE is a name with its digest, or only the digest. Digests stay the same.',
      examples: [
        'covey image save registry.example/team/web@sha256:… -o web.tar',
        'covey image save sha256:… | ssh local01 covey image load -',
      ],
      options: [['-o, --output <file>', 'where the archive goes (default: stdout)']],
      run: async (session, input) => (await import('./save.ts')).saveImage(session, input),
    },
  ],
}
