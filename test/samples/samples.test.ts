import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, readdirSync } from 'node:fs'
import { cp, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { enrolHost } from '../../agent/commands/enrol.ts'
import { showIdentity } from '../../agent/commands/identity.ts'
import { hostPlaces } from '../../machine/containers/places.ts'
import { openRecords } from '../../machine/containers/records.ts'
import { openWorkspace, type Workspace } from '../operator/workspace.ts'
import { afterwards, temporaryFolder } from '../temporary.ts'

const samples = join(import.meta.dirname, '0.1.0')
const head = {
  epoch: 2,
  version: 2,
  digest: 'sha256:8e612f7ddb87c0ffa01e6e46e1af50f6f6b7d3480a18bf25e3bd059963c9533f',
}

/** Git keeps no modes: private files get theirs back. */
async function copyPrivately(from: string, to: string): Promise<void> {
  await cp(join(samples, from), to, { recursive: true })
  chmodSync(to, 0o700)
  for (const entry of readdirSync(to, { recursive: true, withFileTypes: true })) {
    chmodSync(join(entry.parentPath, entry.name), entry.isDirectory() ? 0o700 : 0o600)
  }
}

async function oldState(t: TestContext): Promise<{ stateDir: string; runDir: string }> {
  const folder = await temporaryFolder(t)
  const stateDir = join(folder, 'state')
  await copyPrivately('state', stateDir)
  return { stateDir, runDir: join(folder, 'run') }
}

async function oldOperator(t: TestContext): Promise<Workspace> {
  const space = await openWorkspace(t)
  await cp(join(samples, 'operator'), space.dir, { recursive: true })
  await copyPrivately('keys', space.keyDir)
  return space
}

/** Starts an agent over a state folder, in a network of its own, where it reaches nobody. */
async function startAlone(t: TestContext, stateDir: string, runDir: string): Promise<string> {
  const script = join(import.meta.dirname, 'agent-process.ts')
  const agent = spawn('unshare', ['--net', process.execPath, script, stateDir, runDir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(agent, 'exit')
  afterwards(t, async () => {
    agent.kill('SIGTERM')
    await ended
  })
  const first = await Promise.race([once(agent.stdout, 'data'), ended])
  assert.equal(String(first[0]), 'ready\n')
  return join(runDir, 'covey.sock')
}

describe('samples of 0.1.0', () => {
  it('an agent goes on with the state folder, and takes the next config', async (t) => {
    const { stateDir, runDir } = await oldState(t)
    const socket = await startAlone(t, stateDir, runDir)
    const space = await oldOperator(t)
    const status = JSON.parse(await space.must('--to', socket, 'status', '--json'))
    assert.deepEqual(status.head, head)
    assert.deepEqual(status.confirmed, head)
    assert.equal(status.host, 'cloud01')
    const codes = status.alarms.map(({ code }: { code: string }) => code)
    assert.deepEqual(codes, ['fork'])
    await space.must('sign', 'config.json', '-o', 'next.json')
    const taken = JSON.parse(await space.must('--to', socket, 'inject', 'next.json', '--json'))
    assert.equal(taken.verdict, 'accepted')
    assert.deepEqual([taken.head.epoch, taken.head.version], [2, 3])
  })

  it('the identity of a host stays, and its card is the one of the operator', async (t) => {
    const { stateDir } = await oldState(t)
    const identity = await showIdentity({ stateDir, host: undefined, newWireguardKey: false })
    const card = await readFile(join(samples, 'operator/cloud01.card.json'), 'utf8')
    const { peer_id, wireguard_public_key, sealing_public_key } = JSON.parse(card)
    assert.deepEqual(
      [identity.host, identity.peer_id, identity.wireguard_public_key, identity.sealing_public_key],
      ['cloud01', peer_id, wireguard_public_key, sealing_public_key],
    )
  })

  it('a host enrols with the bundle', async (t) => {
    const { stateDir } = await oldState(t)
    const bundle = await readFile(join(samples, 'operator/cloud01.bundle.json'), 'utf8')
    const enrolled = await enrolHost(stateDir, bundle)
    assert.deepEqual(enrolled.head, head)
  })

  it('the records of its containers are read', async (t) => {
    const { stateDir, runDir } = await oldState(t)
    const records = await openRecords(hostPlaces(stateDir, runDir))
    const ids = ['covey-once-99a8abe52e3a', 'covey-web-d99435480ed1']
    assert.deepEqual(records.ids(), ids)
    assert.deepEqual(
      ids.map((id) => records.record(id)?.object),
      ['once', 'web'],
    )
    assert.equal(records.ran('covey-once-99a8abe52e3a')?.exit?.exitCode, 1)
  })

  it('the operator goes on with the folder and the keys', async (t) => {
    const space = await oldOperator(t)
    const { history }: { history: readonly { epoch: number; version: number }[] } = JSON.parse(
      await space.must('history', '--json'),
    )
    assert.deepEqual(history.map(({ epoch, version }) => `${epoch}.${version}`).sort(), [
      '1.1',
      '1.2',
      '2.1',
      '2.2',
    ])
    const first = JSON.parse(await space.read('history/1.1.json'))
    const { hosts } = JSON.parse(Buffer.from(first.payload, 'base64url').toString())
    assert.deepEqual(JSON.parse(await space.must('compile')), { hosts })
    await space.must('validate', 'config.json')
    await space.must('bundle', '--host', 'home01', '-o', 'new.bundle.json')
    await space.must('host', 'add', '--card', 'home01.card.json')
    await space.must('root', 'rotate', '-o', 'third.json')
  })
})
