import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { ComposeService } from '../../../operator/compose/project.ts'
import { type FaultyForm, type Form, refusesForms, takesForms } from './forms.ts'
import { readFolder, readWeb, web } from './reading.ts'

const mounts: readonly Form[] = [
  ['volumes: [/x]', ['volume - /x']],
  ['volumes: ["v:/x"]', ['volume v /x']],
  ['volumes: ["v:/x:ro"]', ['volume v /x ro']],
  ['volumes: ["v:/x:nocopy,ro"]', ['volume v /x ro nocopy']],
  ['volumes: ["v:/x/../y/"]', ['volume v /y']],
  [
    'volumes: ["./d:/x", "./d/:/y", ".:/z", "./:/w"]',
    ['bind ./d /x makes', 'bind ./d /y makes', 'bind ./ /z makes', 'bind ./ /w makes'],
  ],
  ['volumes: ["../d:/x:rw,z"]', ['bind ../d /x makes']],
  ['volumes: ["/srv//d/:/x:ro"]', ['bind /srv/d /x ro makes']],
  ['volumes: [{ type: volume, source: v, target: /x }]', ['volume v /x']],
  [
    'volumes: [{ type: volume, target: /x, volume: { nocopy: true, subpath: a/b } }]',
    ['volume - /x nocopy sub a/b'],
  ],
  ['volumes: [{ type: bind, source: ./d, target: /x, read_only: "yes" }]', ['bind ./d /x ro']],
  [
    'volumes: [{ type: bind, source: d, target: /x, bind: { create_host_path: true } }]',
    ['bind ./d /x makes'],
  ],
  [
    'volumes: [{ type: bind, source: /d, target: /x, bind: { create_host_path: false } }]',
    ['bind /d /x'],
  ],
  ['volumes: [{ type: bind, source: /d, target: /x, bind: { selinux: z } }]', ['bind /d /x makes']],
  [
    'volumes: [{ type: tmpfs, target: /x, tmpfs: { size: 64m, mode: 01777 } }]',
    ['tmpfs - /x {"sizeBytes":67108864,"mode":1023}'],
  ],
  ['volumes: [{ type: tmpfs, target: /x }]', ['tmpfs - /x {}']],
]

const wrong: readonly FaultyForm[] = [
  [
    'volumes: ["v:x"]',
    '4:15: volumes.0: the target must be an absolute path in the container: v:x',
  ],
  [
    'volumes: ["a:/b:ro:x"]',
    '4:15: volumes.0: must be [SOURCE:]TARGET[:OPTIONS], with nothing empty: a:/b:ro:x',
  ],
  [
    'volumes: [":/b"]',
    '4:15: volumes.0: must be [SOURCE:]TARGET[:OPTIONS], with nothing empty: :/b',
  ],
  [
    'volumes: ["data:/x"]',
    '4:15: volumes: there is no volume data under "volumes"; a folder is written ./data',
  ],
  [
    'volumes: ["~/d:/x"]',
    '4:15: volumes.0: covey does not know the home folder of a host: write the whole path: ~/d:/x',
  ],
  [
    'volumes: ["$HOME/d:/x"]',
    '4:15: volumes.0: covey does not know the home folder of a host: write the whole path: $HOME/d:/x',
  ],
  [
    'volumes: ["${PWD}/d:/x"]',
    '4:15: volumes.0: covey does not know the home folder of a host: write the whole path: ${PWD}/d:/x',
  ],
  [
    'volumes: ["C:\\\\d:/x"]',
    '4:15: volumes.0: covey runs on Linux only: write the path of a host: C:\\d:/x',
  ],
  [
    'volumes: ["/var/run/docker.sock:/var/run/docker.sock:ro"]',
    '4:15: volumes.0: there is no engine whose socket could be used: drop this line',
  ],
  [
    'volumes: [{ type: npipe, source: a, target: /b }]',
    '4:23: volumes.0.type: must be volume, bind or tmpfs',
  ],
  ['volumes: [{ source: a, target: /b }]', '4:15: volumes.0.type: must be volume, bind or tmpfs'],
  ['volumes: [{ type: bind, target: /b }]', '4:15: volumes.0.source: a bind has a "source"'],
]

function mountsOf({ volumes }: ComposeService): readonly string[] {
  return volumes.map((entry) =>
    [
      `${entry.kind} ${entry.source ?? '-'} ${entry.target}`,
      ...(entry.isReadOnly ? ['ro'] : []),
      ...(entry.makesSource ? ['makes'] : []),
      ...(entry.noCopy ? ['nocopy'] : []),
      ...(entry.subpath === undefined ? [] : [`sub ${entry.subpath}`]),
      ...(entry.tmpfs === undefined ? [] : [JSON.stringify(entry.tmpfs)]),
    ].join(' '),
  )
}

const temporary: readonly Form[] = [
  ['tmpfs: /run', [{ path: '/run' }]],
  [
    'tmpfs: ["/run", "/tmp:size=64m,mode=1777,uid=1,gid=2,exec,noatime"]',
    [
      { path: '/run' },
      { path: '/tmp', sizeBytes: 67_108_864, mode: 0o1777, uid: 1, gid: 2, exec: true },
    ],
  ],
  ['tmpfs: ["/run/", "/run:size=1"]', [{ path: '/run', sizeBytes: 1 }]],
]

const grants: readonly Form[] = [
  ['configs: [c]', ['c /c']],
  ['secrets: [s]', ['s /run/secrets/s']],
  ['configs: [{ source: c, target: etc/c, uid: "1", gid: 2, mode: 0440 }]', ['c /etc/c 1 2 0440']],
  ['secrets: [{ source: s, target: x, mode: "0400" }]', ['s /run/secrets/x 0400']],
  ['secrets: [{ source: s, target: /x, mode: 256 }, { source: s, target: /x }]', ['s /x']],
  ['secrets: [{ source: s, mode: 0o400 }]', ['s /run/secrets/s 0400']],
]

describe('volumes', () => {
  takesForms(mounts, mountsOf)
  refusesForms(wrong)

  it('may begin with a HOME that the project sets', async () => {
    const service = await readWeb(web('volumes: ["$HOME/d:/x", "${DATA}:/y"]'), {
      '.env': 'HOME=/srv\nDATA=./data\n',
    })
    assert.deepEqual(mountsOf(service), ['bind /srv/d /x makes', 'bind ./data /y makes'])
  })

  it('cannot be the socket of an engine: the way on is told', async () => {
    const image = (name: string): string =>
      `services: { x: { image: "${name}", volumes: ["/run/docker.sock:/d"] } }\n`
    for (const [name, way] of [
      ['traefik:v3', /let the proxy read its routes from a file/],
      ['containrrr/watchtower', /covey pull/],
      ['mcuadros/ofelia', /let cron on the host run its jobs/],
      ['portainer/portainer-ce', /covey ps/],
      ['own/thing', /drop this line/],
    ] as const) {
      const { faults } = await readFolder({ 'compose.yaml': image(name) })
      assert.equal(faults.length, 1)
      assert.match(faults.join(), way)
    }
  })

  it('are told where an option has no effect', async () => {
    const { notes, faults } = await readFolder({
      'compose.yaml': web('volumes: ["/d:/x:rshared,Z,foo"]'),
    })
    assert.deepEqual(faults, [])
    assert.deepEqual(notes, [
      'compose.yaml:4:15: services.web.volumes.0: mounts made later do not pass on: "rshared" has no effect',
      'compose.yaml:4:15: services.web.volumes.0: "foo" is no option of a mount, and has no effect',
    ])
  })

  it('are lent to other services', async () => {
    const { project, faults } = await readFolder({
      'compose.yaml': `services:
  a: { image: x, volumes: ["v:/v", "./d:/d:ro"], volumes_from: [b] }
  b: { image: x, volumes: ["w:/w", "w:/v"], volumes_from: [a] }
  c: { image: x, volumes: ["/own:/d"], volumes_from: ["a:ro"] }
volumes: { v: , w: }
`,
    })
    assert.deepEqual(faults, [
      'compose.yaml:2:50: services.a.volumes_from: waits for itself: a waits for b waits for a',
    ])
    const of = (name: string): readonly string[] => {
      const service = project.services.get(name)
      return service === undefined ? [] : mountsOf(service)
    }
    assert.deepEqual(of('a'), ['volume v /v', 'bind ./d /d ro makes', 'volume w /w'])
    assert.deepEqual(of('c'), ['bind /own /d makes', 'volume v /v ro', 'volume w /w ro'])
  })
})

describe('tmpfs', () => {
  takesForms(temporary, ({ tmpfs }) => tmpfs)
  refusesForms([
    ['tmpfs: run', '4:12: tmpfs.0: the target must be an absolute path in the container: run'],
    ['tmpfs: "/r:size=x"', '4:12: tmpfs.0: "size" must be a size, as 64m: /r:size=x'],
    ['tmpfs: "/r:mode=9"', '4:12: tmpfs.0: "mode" must be a number: /r:mode=9'],
  ])
})

describe('configs and secrets of a service', () => {
  takesForms(grants, ({ configs, secrets }) =>
    [...configs, ...secrets].map((entry) =>
      [entry.source, entry.target, entry.uid, entry.gid, entry.mode]
        .filter((part) => part !== undefined)
        .join(' '),
    ),
  )
  refusesForms([
    ['configs: [x]', '4:15: configs: there is no config x under "configs"'],
    ['secrets: [{ target: x }]', '4:15: secrets.0: must be a name, or a map with "source"'],
    ['secrets: [{ source: s, uid: me }]', '4:33: secrets.0.uid: must be a number'],
    [
      'secrets: [{ source: s, mode: "9" }]',
      '4:34: secrets.0.mode: must be an octal mode, as "0440": 9',
    ],
  ])
})
