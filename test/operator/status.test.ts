import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { HostStatus, Status } from '../../operator/agent-client/status.ts'
import { changesBetween, problemsIn, statusText } from '../../operator/commands/status-text.ts'
import { fakeAgent, openWorkspace } from './workspace.ts'

const at = (version: number): NonNullable<Status['head']> => ({
  epoch: 1,
  version,
  digest: `sha256:${String(version).repeat(64)}`,
})
const counts = { converged: 3, pending: 0, failed: 0, unsupported: 0 }
const row = (host: string, changes: Partial<HostStatus> = {}): HostStatus => ({
  host,
  state: 'in-sync',
  head: at(4),
  applied: at(4),
  objects: counts,
  age_seconds: 3,
  ...changes,
})
const healthy: Status = {
  host: 'cloud01',
  cluster: 'home',
  head: at(4),
  state: 'in-sync',
  failed: null,
  objects: [{ name: 'wg_network', type: 'wireguard_network', state: 'converged', reason: null }],
  peers: [{ host: 'cloud02', connected: true }],
  hosts: [row('cloud01', { age_seconds: 0 }), row('cloud02')],
  alarms: [],
}
const plain = (_tone: unknown, text: string): string => text

describe('covey status', () => {
  it('says one line of truth first, then the hosts', () => {
    assert.equal(
      statusText(healthy, plain),
      `home: version 4 on 2/2 hosts, no problems

HOST     STATE    HOLDS  APPLIED  OBJECTS  LINK       AGE
cloud01  in-sync  4      4        3/3      this host  0 s
cloud02  in-sync  4      4        3/3      connected  3 s
`,
    )
  })

  it('shows what is not as it should be', () => {
    const status: Status = {
      ...healthy,
      state: 'degraded',
      objects: [
        ...healthy.objects,
        { name: 'peer_x', type: 'wireguard_peer', state: 'pending', reason: 'no public key' },
      ],
      hosts: [
        row('cloud01', { state: 'degraded', objects: { ...counts, pending: 1 }, age_seconds: 0 }),
        row('cloud02', { head: at(3), applied: at(3), age_seconds: 400 }),
        row('local01', { state: 'unknown', head: null, applied: null, age_seconds: null }),
      ],
      alarms: [{ code: 'fork', message: 'version 4 was signed twice', host: null }],
    }
    assert.equal(
      statusText(status, plain),
      `home: version 4 on 1/3 hosts, 4 problems

HOST     STATE     HOLDS  APPLIED  OBJECTS         LINK       AGE
cloud01  degraded  4      4        3/4, 1 pending  this host  0 s
cloud02  in-sync   3      3        3/3             connected  6 min
local01  unknown   -      -        3/3             -          never

OBJECT OF cloud01  TYPE            STATE    REASON
peer_x             wireguard_peer  pending  no public key

ALARM  HOST  WHAT
fork   -     version 4 was signed twice

fork: sign a higher version, which ends it: covey apply, or covey sign
`,
    )
  })

  const codes = [
    ['fork', /higher version/],
    ['lost-branch', /evidence\/DIGEST\.json.*covey sign DIGEST\.json.*covey inject/],
    ['root-fork', /covey root rotate --settle/],
    ['floor-unknown', /covey bundle/],
    ['state-damaged', /disk/],
    ['storage', /room/],
    ['isolated', /endpoints/],
    ['other-cluster', /covey root show/],
  ] as const
  for (const [code, says] of codes) {
    it(`says what to do about ${code}, once`, () => {
      const alarms = ['a', 'b'].map((host) => ({ code, message: 'm', host }))
      const lines = statusText({ ...healthy, alarms }, plain).split('\n')
      const said = lines.filter((line) => line.startsWith(`${code}: `))
      assert.equal(said.length, 1)
      assert.match(said[0] ?? '', says)
    })
  }

  it('names the file of the one branch that was lost', () => {
    const digest = 'b'.repeat(64)
    const message = `version 3 is not among the ancestors; it is kept in evidence/${digest}.json`
    const text = statusText(
      { ...healthy, alarms: [{ code: 'lost-branch', message, host: null }] },
      plain,
    )
    assert.ok(text.includes(`covey sign ${digest}.json -o again.json`))
    const odd = [{ code: 'constructor', message: 'm', host: null }]
    assert.ok(!statusText({ ...healthy, alarms: odd }, plain).includes('constructor: '))
  })

  const problems: readonly (readonly [name: string, status: Status, count: number])[] = [
    ['none', healthy, 0],
    ['an alarm', { ...healthy, alarms: [{ code: 'x', message: 'm', host: null }] }, 1],
    ['a host behind', { ...healthy, hosts: [row('cloud01'), row('b', { head: at(3) })] }, 1],
    ['a silent host', { ...healthy, hosts: [row('cloud01'), row('b', { age_seconds: 999 })] }, 1],
    ['a host that applies', { ...healthy, hosts: [row('b', { state: 'applying' })] }, 0],
    ['itself, not listed', { ...healthy, hosts: [row('cloud01', { state: 'not-listed' })] }, 1],
    ['a failed config', { ...healthy, failed: { reason: 'r' } }, 1],
  ]
  for (const [name, status, count] of problems) {
    it(`counts problems: ${name}`, () => assert.equal(problemsIn(status), count))
  }

  it('lets no other host write to the terminal', () => {
    const rude = `a\u001b[2J\u202eb\n`
    const text = statusText(
      { ...healthy, alarms: [{ code: rude, message: rude, host: rude }] },
      plain,
    )
    for (const mark of ['\u001b', '\u202e']) assert.ok(!text.includes(mark))
  })

  it('tells changes one line each', () => {
    assert.deepEqual(changesBetween(healthy, healthy, plain), [])
    const next: Status = {
      ...healthy,
      hosts: [row('cloud01'), row('cloud02', { age_seconds: 9 }), row('new', { head: at(3) })],
      alarms: [{ code: 'isolated', message: 'm', host: 'cloud01' }],
    }
    assert.deepEqual(changesBetween(healthy, next, plain), [
      'home: version 4 on 2/3 hosts, 2 problems',
      'new: in-sync, holds version 3, applied 4',
      'alarm isolated: cloud01: m',
    ])
    assert.deepEqual(changesBetween(next, healthy, plain), [
      'home: version 4 on 2/2 hosts, no problems',
      'new: no longer listed',
      'over: alarm isolated: cloud01: m',
    ])
  })

  it('prints the document as the agent sent it with --json', async (context) => {
    const space = await openWorkspace(context)
    const document = { ...healthy, cluster_id: 'x', new_member: [1] }
    await fakeAgent(context, space, { 'GET /v1/status': () => ({ status: 200, body: document }) })
    assert.deepEqual(JSON.parse(await space.must('status', '--json')), document)
    assert.match(await space.must('status'), /^home: version 4 on 2\/2 hosts/)
  })

  it('colours a terminal that wants it', async (context) => {
    const space = await openWorkspace(context)
    await fakeAgent(context, space, { 'GET /v1/status': () => ({ status: 200, body: healthy }) })
    const coloured = await space.covey(['status'], { terminal: true })
    assert.ok(coloured.out.includes('\u001b[32m'))
    const env = { NO_COLOR: '1' }
    const bare = await space.covey(['status'], { terminal: true, env })
    assert.ok(!bare.out.includes('\u001b'))
  })

  for (const { name, argv, lines } of [
    {
      name: 'a line for each change',
      argv: ['status', '--watch'],
      lines: [
        'home: version 4 on 2/2 hosts, no problems',
        'cloud01: in-sync, holds version 4, applied 4',
        'cloud02: in-sync, holds version 4, applied 4',
        'home: version 4 on 1/2 hosts, 1 problem',
        'cloud02: in-sync, holds version 3, applied 4',
      ],
    },
    { name: 'a document for each change', argv: ['status', '--watch', '--json'], lines: null },
  ]) {
    it(`watches until it is interrupted: ${name}`, async (context) => {
      const space = await openWorkspace(context)
      const aged = { ...healthy, hosts: [row('cloud01', { age_seconds: 1 }), row('cloud02')] }
      const behind = { ...healthy, hosts: [row('cloud01'), row('cloud02', { head: at(3) })] }
      const bodies: Status[] = [healthy, aged, behind]
      const stop = new AbortController()
      await fakeAgent(context, space, {
        'GET /v1/status': () => ({ status: 200, body: bodies.shift() ?? behind }),
      })
      const watch = (text: string): void => {
        if (text.includes('"version":3') || text.includes('holds version 3')) stop.abort()
      }
      const outcome = await space.covey(argv, { signal: stop.signal, watch })
      assert.equal(outcome.exit, 0)
      const printed = outcome.out.trimEnd().split('\n')
      if (lines === null)
        assert.deepEqual(
          printed.map((text) => JSON.parse(text)),
          [healthy, behind],
        )
      else assert.deepEqual(printed, lines)
    })
  }
})
