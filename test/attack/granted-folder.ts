import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { container, withContainerNetworks, writeSettings } from '../lab/container-config.ts'
import type { VirtualHost } from '../lab/host.ts'
import type { Lab } from '../lab/lab.ts'
import { until } from '../lab/waiting.ts'
import { makeBusyboxTree } from '../registry/busybox.ts'
import { buildLayout } from '../registry/image.ts'
import type { Attack, AttackEnd } from './attack.ts'
import { inLab } from './in-lab.ts'

/** Long enough for dozens of attempts: what is not looked at is won in four seconds. */
/** The length of the race where nobody says otherwise. */
const raceSeconds = 20
const victims = 6
const victimMsMax = 60_000

/** A folder that is granted, and what lies beside it. Of the host's own, and of no machine. */
const granted = '/var/lib/granted'
const outside = '/var/lib/outside'

/** At each start it looks for what lies at the top of the host; it ends to be started again. */
const looking = [
  `cat /m${outside}/secret >/dev/null 2>&1 && echo LED ASTRAY`,
  `touch /m${outside}/taken 2>/dev/null`,
  'echo looked',
  'exit 1',
].join('; ')

const exchanging = [
  'cd /g; rm -rf sub; mkdir sub; while :',
  'do rmdir sub; ln -s / sub; usleep 30000; rm sub; mkdir sub; usleep 30000',
  'done',
].join('; ')

async function loadImage(lab: Lab, host: VirtualHost): Promise<string> {
  const [layout, tree] = ['layout', 'tree'].map((name) => join(lab.record.folder, name))
  assert.ok(layout !== undefined && tree !== undefined)
  mkdirSync(tree)
  await makeBusyboxTree(tree)
  const image = `registry.example/tools@${await buildLayout(layout, { layers: [tree] })}`
  execFileSync('tar', ['-C', layout, '-cf', join(host.folder, 'var-lib/image.tar'), '.'])
  await host.must('covey', ['image', 'load', '/var/lib/image.tar'])
  return image
}

/** Containers that mount the folder, one with users of its own, and the one that attacks. */
function objects(image: string): Readonly<Record<string, Record<string, unknown>>> {
  const mounts = [{ host_path: `${granted}/sub`, path: '/m' }]
  const entries = Array.from({ length: victims }, (_, index) => {
    const command = ['sh', '-c', looking]
    const own = index === 0 ? { user_namespace: true } : {}
    return [
      `a${index}`,
      container(image, `10.69.101.${20 + index}`, {
        command,
        mounts,
        stop_grace_seconds: 0,
        ...own,
      }),
    ]
  })
  const attacker = container(image, '10.69.101.10', {
    command: ['sh', '-c', exchanging],
    mounts: [{ host_path: granted, path: '/g' }],
    stop_grace_seconds: 0,
  })
  return { ...Object.fromEntries(entries), attacker }
}

async function attack(lab: Lab, seconds: number): Promise<AttackEnd> {
  const host = await lab.host('cloud01')
  writeSettings(host, { grants: [`path:${granted}`] })
  await lab.operator.enrol([host])
  await host.startAgent()
  const image = await loadImage(lab, host)
  for (const path of [granted, `${granted}/sub`, outside]) await host.must('mkdir', [path])
  const own = join(host.folder, 'var-lib/outside')
  writeFileSync(join(own, 'secret'), 'the host’s')
  const hosts = withContainerNetworks(await lab.operator.hosts())
  await lab.operator.release({ cloud01: { ...hosts['cloud01'], ...objects(image) } }, host)
  await host.waitFor('runs the attacker', (status) => isRunning(status.objects), victimMsMax)
  await sleep(seconds * 1_000)
  const said = await host.must('sh', ['-c', 'cat /var/lib/covey/logs/a*/* 2>/dev/null'])
  const starts = said.split('looked').length - 1
  const astray = said.split('LED ASTRAY').length - 1
  const isTaken = existsSync(join(own, 'taken'))
  const told = readFileSync(host.logPath, 'utf8')
  const [early, late] = [/which leads to \/,|leads to \/:/g, /replaced while it was being mounted/g]
  const refused = [early, late].map((reason) => told.match(reason)?.length ?? 0)
  await lab.operator.release({ cloud01: { ...hosts['cloud01'] } }, host)
  await until('nothing is left of them', async () => {
    const mounts = await host.must('cat', ['/proc/self/mountinfo'])
    const groups = await host.must('sh', ['-c', 'ls /run/covey/runc /run/covey/containers'])
    return !/covey-a\d/.test(mounts) && !/covey-a\d/.test(groups)
  })
  const seen = `${starts} starts, ${refused.join(' + ')} refused before and after the mount`
  const lost = `led astray ${astray} times, ${isTaken ? 'a' : 'no'} file made on the host`
  return { held: astray === 0 && !isTaken, seen: `${seen}; ${lost}` }
}

function isRunning(all: readonly { readonly name: string; readonly state: string }[]): boolean {
  return all.some(({ name, state }) => name === 'attacker' && state === 'converged')
}

/** The same for so many seconds, in a lab of its own. */
export function raceForFolder(seconds: number): Promise<AttackEnd> {
  return inLab((lab) => attack(lab, seconds))
}

/** Exchanges a granted folder for a link to the host's root while other containers mount it. */
export const grantedFolder: Attack = {
  name: 'granted-folder',
  from: 'A container that may write in a granted folder',
  wants: 'the whole host, by a link in the place of what another container mounts',
  run: () => raceForFolder(raceSeconds),
}
