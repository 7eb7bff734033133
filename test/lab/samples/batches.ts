/** The way in which a sample runs in the lab. */
export interface LabRun {
  readonly host: 'cloud01' | 'cloud02'
  /** In place of what is published or mended: the lab has no such hardware. */
  readonly files?: readonly string[]
  /** With `lab.yaml` of the sample, for what the machine of the lab may not allow. */
  readonly isLimited?: true
  /** Scope of its ports; `public` where absent. */
  readonly ports?: 'mesh' | 'lan'
  /** Folder of its relative paths, which the test fills from `host` of the sample. */
  readonly dir?: string
}

/** Samples that run at one time on two hosts, with ports of their own; the first by `npm test`. */
export const batches: readonly Readonly<Record<string, LabRun>>[] = [
  {
    mail: { isLimited: true, host: 'cloud01' },
    analytics: { isLimited: true, host: 'cloud01', ports: 'mesh' },
    games: { isLimited: true, host: 'cloud01' },
    streams: { host: 'cloud01', ports: 'mesh' },
    vault: { host: 'cloud02' },
    backend: { host: 'cloud02' },
    backup: { host: 'cloud02', files: ['compose.yaml', 'mended.yaml'] },
    search: { isLimited: true, host: 'cloud02' },
  },
  {
    adblock: { host: 'cloud01' },
    conference: { host: 'cloud01' },
    automation: { host: 'cloud01', files: ['compose.yaml', 'mended.yaml'] },
    cloud: { host: 'cloud01' },
    chat: { host: 'cloud02' },
    documents: { host: 'cloud02' },
    forge: { host: 'cloud02' },
    flows: { host: 'cloud02' },
  },
  {
    budget: { host: 'cloud01' },
    gallery: { host: 'cloud01' },
    identity: { host: 'cloud01' },
    media: { host: 'cloud01', files: ['compose.yaml', 'mended.yaml'] },
    proxy: { host: 'cloud02' },
    pipeline: { host: 'cloud02' },
    objectstore: { host: 'cloud02' },
    photos: { isLimited: true, host: 'cloud02' },
  },
  {
    feeds: { host: 'cloud01' },
    social: { host: 'cloud01' },
    meetings: { host: 'cloud01' },
    monitoring: { host: 'cloud02' },
    vpn: { host: 'cloud02' },
    errors: { host: 'cloud02', dir: '/srv/errors' },
  },
]
