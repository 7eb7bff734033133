import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { ComposeProject } from '../../../operator/compose/project.ts'
import { readProject } from '../../../operator/compose/read-project.ts'
import { locatedText } from '../../../operator/terminal/failure.ts'

const folder = join(import.meta.dirname, 'samples')

interface Sample {
  readonly project: ComposeProject
  readonly faults: readonly string[]
  readonly notes: readonly string[]
}

async function readSample(name: string): Promise<Sample> {
  const { project, faults } = await readProject(
    { files: [`${name}/compose.yaml`], profiles: [], envFiles: [], variables: new Map() },
    (path) => readFile(join(folder, path), 'utf8').catch(() => undefined),
  )
  const text = (fault: Parameters<typeof locatedText>[0]): string =>
    locatedText(fault).replaceAll(`${name}/`, '')
  return { project, faults: faults.map(text), notes: project.notes.map(text) }
}

/** All that a project holds but what is known to be sensitive. */
function openTexts(project: ComposeProject): string {
  return JSON.stringify(project, (_key, value) => {
    if (value instanceof Map) return [...value]
    return value?.isSensitive === true ? '***' : value
  })
}

describe('Compose files shaped after what programs publish', () => {
  it('are read: photos', async () => {
    const { project, faults, notes } = await readSample('photos')
    assert.deepEqual([faults, notes], [[], []])
    const server = project.services.get('server')
    assert.equal(server?.volumes[0]?.source, './library')
    assert.equal(server?.environment.get('DB_PASSWORD')?.isSensitive, true)
    assert.equal(server?.healthcheck, undefined)
    assert.equal(project.services.get('database')?.shmBytes, 128 * 1024 ** 2)
    assert.doesNotMatch(openTexts(project), /sesame/)
  })

  it('are read: vpn', async () => {
    const { project, faults, notes } = await readSample('vpn')
    assert.deepEqual(faults, [])
    assert.deepEqual(notes, [
      'compose.yaml:5:10: services.torrent.environment.UMASK: 002 without quotes is the number 2, as in Compose: put it in quotes if it is a text',
    ])
    const torrent = project.services.get('torrent')
    assert.deepEqual(torrent?.networkMode, { kind: 'service', name: 'vpn' })
    assert.equal(torrent?.environment.get('TZ')?.value, 'Europe/Berlin')
    assert.equal(project.services.get('vpn')?.ports.length, 5)
    assert.equal(
      project.services.get('vpn')?.environment.get('WIREGUARD_PRIVATE_KEY')?.value,
      'abc/DEF+1=',
    )
    assert.doesNotMatch(openTexts(project), /abc\/DEF/)
  })

  it('are read: meetings', async () => {
    const { project, faults, notes } = await readSample('meetings')
    assert.deepEqual(faults, [
      'compose.yaml:10:9: services.web.volumes.0: covey does not know the home folder of a host: write the whole path: ${CONFIG}/web:/config:Z (CONFIG is written in .env:1)',
    ])
    assert.deepEqual(notes, [
      'compose.yaml:2:1: services: 6 variables without a value in "environment" are not set in the project\'s variables, and left out: web 5, bridge 1',
    ])
    const bridge = project.services.get('bridge')
    assert.equal(bridge?.environment.get('BRIDGE_AUTH_PASSWORD')?.value, 'p@ss$word')
    assert.equal(bridge?.restart, 'unless-stopped')
    assert.doesNotMatch(openTexts(project), /p@ss/)
  })

  it('are read: errors', async () => {
    const { project, faults, notes } = await readSample('errors')
    assert.deepEqual(faults, [])
    assert.deepEqual(notes, [
      'compose.yaml:5:3: services.web.pull_policy: "pull_policy" has no effect: images are pinned: "covey pull" looks for newer ones',
    ])
    assert.deepEqual([...project.services.keys()], ['redis', 'kafka', 'web', 'cron'])
    const [redis, kafka] = [project.services.get('redis'), project.services.get('kafka')]
    assert.equal(redis?.healthcheck?.kind === 'check' && redis.healthcheck.timeoutSeconds, 90)
    assert.equal(kafka?.healthcheck?.kind === 'check' && kafka.healthcheck.intervalSeconds, 10)
    assert.equal(project.volumes.get('redis')?.fixedName, 'errors-redis')
    assert.doesNotMatch(openTexts(project), /sesame/)
  })

  it('are read: cloud', async () => {
    const { project, faults, notes } = await readSample('cloud')
    assert.deepEqual([faults, notes], [[], []])
    const cron = project.services.get('cron')
    assert.equal(cron?.volumes[0]?.source, 'cloud')
    assert.equal(project.services.get('app')?.environment.get('MYSQL_USER')?.value, 'cloud')
    assert.equal(project.services.get('db')?.command?.length, 2)
    assert.doesNotMatch(openTexts(project), /sesame/)
  })

  it('are read: monitoring', async () => {
    const { project, faults, notes } = await readSample('monitoring')
    assert.deepEqual(faults, [
      'compose.yaml:18:9: services.containers.volumes.1: there is no engine whose socket could be used: drop this line',
    ])
    assert.deepEqual(notes, [
      'compose.yaml:11:9: services.node.volumes.0: mounts made later do not pass on: "rslave" has no effect',
    ])
    const node = project.services.get('node')
    assert.equal(node?.pidHost, true)
    assert.match(node?.command?.[1]?.value ?? '', /\(\$\|\/\)$/)
    assert.deepEqual(project.services.get('prometheus')?.extraHosts.get('host.docker.internal'), [
      'host-gateway',
    ])
  })
})
