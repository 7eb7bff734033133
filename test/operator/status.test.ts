import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { changesBetween, statusText } from '../../operator/commands/status/status-text.ts'
import type { Status } from '../../protocol/api/status.ts'
import { at, counts, healthy, plain, row } from './status-samples.ts'
import { fakeAgent, openWorkspace } from './workspace.ts'

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
      `home: version 4 on 1/3 hosts, 4 problems (alarm fork, peer_x pending, cloud02 silent, …)

HOST     STATE     HOLDS  APPLIED  OBJECTS         LINK       AGE
cloud01  degraded  4      4        3/4, 1 pending  this host  0 s
cloud02  in-sync   3      3        3/3             connected  6 min
local01  unknown   -      -        3/3             -          never

cloud01 degraded: some of its objects have not converged; \
covey status on that host gives the reasons
local01 unknown: it was never seen. If it is new: covey bundle --host NAME here, \
covey enrol there. Otherwise look at its agent and its tunnel

OBJECT OF cloud01  TYPE            STATE    REASON
peer_x             wireguard_peer  pending  no public key

ALARM  HOST  WHAT
fork   -     version 4 was signed twice

fork: sign a higher version, which ends it: covey apply. For a config by hand: \
covey config show --signed > head.json, then \
covey sign CONFIG --base head.json -o FILE && covey inject FILE
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
      'home: version 4 on 2/3 hosts, 2 problems (alarm isolated of cloud01, new behind)',
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
        'home: version 4 on 1/2 hosts, 1 problem (cloud02 behind)',
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
