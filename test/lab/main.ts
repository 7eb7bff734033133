import { Command, InvalidArgumentError } from 'commander'
import type { AgentStatus } from './agent-status.ts'
import { createLab, type Lab, openLab } from './lab.ts'
import { lookAround } from './look-around.ts'
import { isAbandoned, type LabRecord, listLabs, removeLab, sweepLabs } from './record.ts'

const hostsMax = 40

function count(text: string): number {
  const number = Number(text)
  if (Number.isInteger(number) && number >= 1 && number <= hostsMax) return number
  throw new InvalidArgumentError(`a number from 1 to ${hostsMax}`)
}

/** The labs that somebody keeps, oldest first; `id` narrows. */
function keptLabs(id: string | undefined): readonly LabRecord[] {
  return listLabs().filter((lab) => lab.owner === null && (id === undefined || lab.id === id))
}

function theLab(id: string | undefined): Lab {
  const [record, ...others] = keptLabs(id)
  if (record === undefined) throw new Error('there is no lab: npm run lab -- up')
  if (others.length > 0) throw new Error('there are several labs: say which with --lab ID')
  return openLab(record)
}

async function up(hosts: number): Promise<void> {
  const lab = await createLab({ keepable: true })
  for (let number = 1; number < hosts; number += 1) {
    await lab.host(`cloud${String(number).padStart(2, '0')}`)
  }
  await lab.host('home01', { nat: true })
  await lab.enrolAll()
  const version = 1
  for (const host of lab.hosts.values()) {
    await host.waitFor(`has applied version ${version}`, (status) => status.applied !== null)
  }
  lab.keep()
  console.log(lookAround(lab))
}

function line(name: string, address: string, state: string): string {
  return `${name.padEnd(12)} ${address.padEnd(16)} ${state}`
}

function describeAgent(status: AgentStatus): string {
  const connected = status.peers.filter((peer) => peer.connected).map((peer) => peer.host)
  const version = status.head === null ? 'no config' : `version ${status.head.version}`
  return `${version}, ${status.state}, connected to ${connected.join(', ') || 'nobody'}`
}

async function showStatus(id: string | undefined): Promise<void> {
  for (const record of keptLabs(id)) {
    console.log(`lab ${record.id}  ${record.folder}`)
    for (const host of openLab(record).hosts.values()) {
      const state = host.isOn
        ? await host.status().then(describeAgent, () => 'on, but no agent answers')
        : 'off'
      console.log(`  ${line(host.name, host.address, state)}`)
    }
  }
  if (keptLabs(id).length === 0) console.log('no lab runs')
}

function clean(): void {
  const swept = sweepLabs()
  console.log(swept.length === 0 ? 'nothing was left behind' : `removed: ${swept.join(', ')}`)
}

function down(id: string | undefined): void {
  const records = listLabs().filter(
    (lab) => (lab.owner === null || isAbandoned(lab)) && (id === undefined || lab.id === id),
  )
  for (const record of records) removeLab(record)
  console.log(
    records.length === 0 ? 'no lab runs' : `ended: ${records.map((r) => r.id).join(', ')}`,
  )
}

async function exec(host: string, command: readonly string[], id?: string): Promise<void> {
  const [program = 'sh', ...args] = command
  process.exitCode = await theLab(id).get(host).attach(program, args)
}

function program(): Command {
  const lab = new Command('npm run lab --')
    .description(
      'Virtual hosts with agents on this machine, joined by a bridge that plays the internet.',
    )
    .option('--lab <id>', 'which lab, where there are several')
    .showHelpAfterError()
  const id = (): string | undefined => lab.opts<{ lab?: string }>().lab
  lab
    .command('up')
    .description('make hosts, enrol them and start their agents; the last is behind a router')
    .option('--hosts <n>', 'how many', count, 5)
    .action((options: { hosts: number }) => up(options.hosts))
  lab
    .command('status')
    .description('hosts and what their agents say')
    .action(() => showStatus(id()))
  lab
    .command('exec <host> <command...>')
    .description('run a command on a host: exec cloud01 -- wg show')
    .action((host: string, command: string[]) => exec(host, command, id()))
  lab
    .command('cut <from> <to>')
    .description('drop whatever goes between two hosts')
    .option('--one-way', 'only from the first to the second')
    .action((from: string, to: string, options: { oneWay?: boolean }) =>
      theLab(id()).cut(from, to, options),
    )
  lab
    .command('heal')
    .description('undo every cut')
    .action(() => theLab(id()).heal())
  lab
    .command('power-cut <host>')
    .description('end a host at once, as when the power fails')
    .action((host: string) => theLab(id()).get(host).powerCut())
  lab
    .command('boot <host>')
    .description('switch a host on again and start its agent')
    .action(async (name: string) => {
      const host = theLab(id()).get(name)
      await host.boot()
      await host.startAgent()
    })
  lab
    .command('down')
    .description('end it, and remove every trace')
    .action(() => down(id()))
  lab
    .command('clean')
    .description('remove what labs that were killed have left behind')
    .action(clean)
  return lab
}

try {
  await program().parseAsync()
} catch (error) {
  console.error(`lab: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
}
