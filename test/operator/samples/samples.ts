/** A Compose project as programs publish it, in the folder of its name. */
export interface Sample {
  /** The files as they are published. */
  readonly files: readonly string[]
  /** The same with what the messages say; absent where nothing is refused. */
  readonly mended?: readonly string[]
  readonly profiles?: readonly string[]
  /** Further options of the stack, as YAML. */
  readonly options?: string
  /** Objects that the host has besides, as YAML. */
  readonly objects?: string
}

/** Projects shaped after what popular programs publish, with the traps of their files. */
export const samples: Readonly<Record<string, Sample>> = {
  adblock: { files: ['compose.yaml'] },
  analytics: { files: ['compose.yaml'] },
  automation: { files: ['compose.yaml'] },
  backend: { files: ['docker-compose.yml'], mended: ['docker-compose.yml', 'mended.yaml'] },
  backup: { files: ['compose.yaml'] },
  budget: { files: ['docker-compose.yml'] },
  chat: {
    files: ['compose.yaml', 'compose.nginx.yaml'],
    profiles: ['calls'],
  },
  cloud: { files: ['compose.yaml'] },
  conference: { files: ['compose.yaml'] },
  documents: { files: ['compose.yaml'] },
  errors: {
    files: ['compose.yaml'],
    mended: ['compose.yaml'],
    objects: '{ app-data_v: { type: volume }, errors-redis_v: { type: volume } }',
  },
  feeds: { files: ['compose.yaml'] },
  flows: { files: ['compose.yaml', 'scaled.yaml'] },
  forge: { files: ['compose.yaml'], mended: ['compose.yaml', 'mended.yaml'] },
  gallery: { files: ['compose.yaml'], mended: ['mended.yaml'] },
  games: { files: ['compose.yaml'] },
  identity: { files: ['docker-compose.yml'], mended: ['docker-compose.yml', 'mended.yaml'] },
  mail: { files: ['compose.yaml'], mended: ['compose.yaml', 'mended.yaml'] },
  media: { files: ['compose.yaml'] },
  meetings: { files: ['compose.yaml'], mended: ['compose.yaml', 'mended.yaml'] },
  monitoring: { files: ['compose.yaml'], mended: ['compose.yaml', 'mended.yaml'] },
  objectstore: { files: ['compose.yaml'] },
  photos: { files: ['compose.yaml'] },
  pipeline: { files: ['compose.yaml'], mended: ['compose.yaml', 'mended.yaml'] },
  proxy: { files: ['compose.yaml'], mended: ['compose.yaml', 'mended.yaml'] },
  search: { files: ['compose.yaml'] },
  social: { files: ['docker-compose.yml'] },
  streams: { files: ['compose.yaml'] },
  vault: { files: ['compose.yaml'] },
  vpn: { files: ['compose.yaml'] },
}

/** The line of a layout for these files of a sample, which lie in the folder of its name. */
export function stackLine(name: string, sample: Sample, files: readonly string[]): string {
  const paths = files.map((file) => `${name}/${file}`).join(', ')
  const profiles = (sample.profiles ?? []).join(', ')
  const more = sample.options === undefined ? '' : `, ${sample.options}`
  return `  ${name}: { file: [${paths}], profiles: [${profiles}], ports: public${more} }\n`
}
