import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { hasApplied } from './agent-status.ts'
import type { VirtualHost } from './host.ts'
import { createLab, type Lab } from './lab.ts'

/** The example of the idea that covey began with, to the letter. */
const example = `{
    "hosts": {
        "cloud01": {
            "wg_network": {
                "type": "wireguard_network",
                "link_name": "wg_cluster",
                "address": "10.69.0.1/16"
            },
            "peer_local01": {
                "type": "wireguard_peer",
                "network": "wg_network",
                "allowed_ips": ["10.69.1.0/24"]
            }
        }
    }
}
`

describe("the idea's example", () => {
  let lab: Lab
  let cloud01: VirtualHost

  before(async () => {
    lab = await createLab()
    cloud01 = await lab.host('cloud01')
    const { operator } = lab
    await operator.must('init', '.', '--name', 'home')
    await cloud01.must('covey', ['identity', '--host', 'cloud01', '--json'])
    await operator.sign({ cloud01: {} }, 'empty')
    await operator.handBundle(cloud01)
    await cloud01.startAgent()
  })
  after(() => lab.close())

  it('is signed, injected and applied; the peer without a key waits, and says so', async () => {
    const { operator } = lab
    writeFileSync(operator.path('config.json'), example)
    await operator.must('sign', 'config.json', '--dir', '.', '-o', 'signed.json')
    const { exitCode, stdout } = await operator.inject(cloud01, operator.path('signed.json'))
    assert.equal(exitCode, 0, stdout)
    assert.equal(JSON.parse(stdout).verdict, 'accepted')

    const status = await cloud01.waitFor('has applied it', (each) => hasApplied(each, 2))
    const found = status.objects.map(({ name, state, reason }) => `${name}: ${state}, ${reason}`)
    assert.deepEqual(found.sort(), [
      'peer_local01: pending, no public key',
      'wg_network: converged, null',
    ])
    const addresses = await cloud01.must('ip', ['-brief', 'address', 'show', 'dev', 'wg_cluster'])
    assert.match(addresses, /\b10\.69\.0\.1\/16\b/)
    assert.match(await cloud01.must('ip', ['link', 'show', 'dev', 'wg_cluster']), /[<,]UP[,>]/)
    assert.equal(await cloud01.must('wg', ['show', 'wg_cluster', 'peers']), '')
  })

  it('shows in `covey status`, for people as well', async () => {
    const { stdout, exitCode } = await cloud01.covey(['status'])
    assert.equal(exitCode, 0)
    assert.match(stdout, /peer_local01.*no public key/)
    const json = JSON.parse((await cloud01.covey(['status', '--json'])).stdout)
    assert.equal(json.head.version, 2)
    assert.ok(await cloud01.agentRuns())
  })
})
