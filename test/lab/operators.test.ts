import assert from 'node:assert/strict'
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { type Hosts, meshLink } from './config-hosts.ts'
import type { VirtualHost } from './host.ts'
import { createLab, type Lab } from './lab.ts'
import { Operator } from './operator.ts'

/** A second laptop of the same operator, as it was when the folder was copied. */
function copyOf(operator: Operator, name: string): Operator {
  const home = join(operator.home, '..', name)
  cpSync(operator.home, home, { recursive: true })
  return new Operator(home)
}

describe('operators on the two sides of a cut', () => {
  let lab: Lab
  let hosts: Hosts
  let all: readonly VirtualHost[]
  let left: VirtualHost
  let middle: VirtualHost
  let right: VirtualHost

  /** The same hosts with another MTU: a config that differs and harms nothing. */
  const withMtu = (mtu: number): Hosts => {
    const changed = structuredClone(hosts)
    for (const { name } of all) {
      const network = changed[name]?.[meshLink(changed, name).object]
      Object.assign(network ?? {}, { mtu })
    }
    return changed
  }
  const agreeOn = async (epoch: number, version: number): Promise<void> => {
    await Promise.all(
      all.map((host) =>
        host.waitFor(`holds version ${version} of epoch ${epoch}`, ({ head, applied }) => {
          return (
            head?.epoch === epoch && head.version === version && applied?.digest === head.digest
          )
        }),
      ),
    )
  }
  const cutRight = async (): Promise<void> => {
    await lab.cut('left', 'right')
    await lab.cut('middle', 'right')
    for (const host of [left, middle]) {
      await host.waitFor('has lost right', ({ peers }) =>
        peers.some((peer) => peer.host === 'right' && !peer.connected),
      )
    }
  }

  before(async () => {
    lab = await createLab()
    left = await lab.host('left')
    middle = await lab.host('middle')
    right = await lab.host('right')
    all = [left, middle, right]
    await lab.enrolAll()
    hosts = await lab.operator.hosts()
    for (const host of all) await host.startAgent()
    await agreeOn(1, 1)
    for (const host of all) {
      await host.waitFor('knows everyone', ({ peers }) => peers.every((peer) => peer.connected))
    }
  })
  after(() => lab?.close())

  it('one wins, the other is kept, and status says how to re-apply it', async () => {
    const other = copyOf(lab.operator, 'other')
    await cutRight()
    await lab.operator.release(withMtu(1390), left)
    await lab.operator.release(withMtu(1389), left)
    await other.release(withMtu(1380), right)
    await lab.heal()
    await agreeOn(1, 3)
    const { alarms } = await right.status()
    assert.deepEqual(
      alarms.map((alarm) => alarm.code),
      ['lost-branch'],
    )
    const shown = await right.covey(['status'])
    const kept = /evidence\/([0-9a-f]{64})\.json/.exec(shown.stdout)?.[0]
    assert.ok(kept !== undefined, shown.stdout)
    const file = await right.must('cat', [`/var/lib/covey/${kept}`])
    assert.equal(JSON.parse(file).signatures.length, 1)
    assert.match(shown.stdout, /covey sign/)
  })

  it('a root that was rotated meanwhile is followed, and the old key is dead', async () => {
    const thief = copyOf(lab.operator, 'thief')
    const signed = await thief.sign(withMtu(1370), 'late')
    await cutRight()
    const rotation = lab.operator.path('rotation.json')
    await lab.operator.must('root', 'rotate', '--replace-own-key', '-o', rotation)
    const rotated = await lab.operator.inject(left, rotation)
    assert.equal(JSON.parse(rotated.stdout).verdict, 'accepted', rotated.stdout)
    const late = await thief.inject(right, signed)
    assert.equal(JSON.parse(late.stdout).verdict, 'accepted', late.stdout)
    await lab.heal()
    await agreeOn(2, 1)
    for (const host of all) {
      const again = await thief.inject(host, signed)
      assert.equal(again.exitCode, 4)
      assert.equal(JSON.parse(again.stdout).verdict, 'older')
    }
    await lab.operator.release(withMtu(1400), right)
    await agreeOn(2, 2)
  })
})
