import { spawnSync } from 'node:child_process'
import { zstdCompressSync } from 'node:zlib'
import { measureCommand } from './command.ts'
import { measureCompile } from './compile.ts'
import { measureFifty, measureQuiet } from './containers/many.ts'
import { measurePull } from './containers/pull.ts'
import { measureStart } from './containers/start.ts'
import { measureFirewall } from './firewall.ts'
import { cpuOf, type Fleet, memoryOf, startFleet } from './fleet.ts'
import { type BenchLine, line, tableOf } from './report.ts'

/**
 * `npm run bench`: what covey costs, each line beside a peer, a floor or its goal, in one run.
 * Medians of several runs; nothing here passes or fails. `-- --json` prints `{"lines": [...]}`; `--
 * NAME…` runs these parts alone.
 */
const json = process.argv.includes('--json')
const only = process.argv.slice(2).filter((argument) => !argument.startsWith('-'))
const lines: BenchLine[] = []

function say(text: string): void {
  process.stderr.write(`${text}\n`)
}

/** Text that zstd cannot fold away, as configs with digests and keys are; deterministic. */
function filler(bytes: number, seed: number): string {
  const parts: string[] = []
  let state = seed >>> 0
  for (let length = 0; length < bytes; length += 6) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    parts.push(state.toString(36).padStart(6, '0').slice(0, 6))
  }
  return parts.join('').slice(0, bytes)
}

async function spread(fleet: Fleet, name: string, bytes: number, runs: number): Promise<void> {
  const times: number[] = []
  const alone: number[] = []
  const wire: number[] = []
  const least: number[] = []
  for (let run = 0; run < runs; run++) {
    const version = nextVersion++
    const envelope = fleet.config(version, filler(bytes, version))
    const payload = Buffer.from(JSON.parse(envelope).payload, 'base64url')
    const before = await fleet.bytesSent()
    times.push(await fleet.inject(run % fleet.size, envelope))
    wire.push((await fleet.bytesSent()) - before)
    least.push((fleet.size - 1) * zstdCompressSync(payload).length)
  }
  const single = await startFleet(1)
  try {
    for (let run = 0; run < runs; run++) {
      alone.push(await single.inject(0, single.config(2 + run, filler(bytes, run + 1))))
    }
  } finally {
    await single.close()
  }
  lines.push(
    line(`${name} to durable on ${fleet.size} agents`, times, 'ms', 'one agent alone', alone),
  )
  lines.push(line(`${name} bytes on the wire`, wire, 'B', 'least possible', least))
}

let nextVersion = 2

async function idle(fleet: Fleet, seconds: number): Promise<void> {
  const peers = fleet.size - 1
  // What was loaded and compiled during the start is given back by then, or never.
  await new Promise((resolve) => setTimeout(resolve, 10_000))
  const pids = fleet.pids()
  const before = await Promise.all(pids.map(cpuOf))
  await new Promise((resolve) => setTimeout(resolve, seconds * 1_000))
  const after = await Promise.all(pids.map(cpuOf))
  const memory = await Promise.all(pids.map(memoryOf))
  const share = after.map((cpu, index) => ((cpu - (before[index] ?? 0)) / seconds) * 100)
  const megabytes = (bytes: number): number => bytes / 1e6
  lines.push(
    line(
      `idle memory, ${peers} peers`,
      memory.map((one) => megabytes(one.rss)),
      'MB',
      'budget with 5 peers',
      [100],
    ),
    line(
      `of which own, ${peers} peers`,
      memory.map((one) => megabytes(one.own)),
      'MB',
      'budget with 5 peers',
      [45],
    ),
    line(`idle CPU, ${peers} peers`, share, '% of a core', 'budget with 5 peers', [0.5]),
  )
}

async function starts(fleet: Fleet, runs: number): Promise<void> {
  const ours: number[] = []
  const bare: number[] = []
  for (let run = 0; run < runs; run++) {
    ours.push(await fleet.restart(0))
    const startedAt = performance.now()
    spawnSync(process.execPath, ['-e', '0'])
    bare.push(performance.now() - startedAt)
  }
  lines.push(line('agent start to first status', ours, 'ms', 'bare node -e 0', bare))
}

const parts: Readonly<Record<string, () => Promise<void>>> = {
  async start() {
    const fleet = await startFleet(3)
    await starts(fleet, 9).finally(() => fleet.close())
  },
  async 'idle-2'() {
    const fleet = await startFleet(3)
    await idle(fleet, 30).finally(() => fleet.close())
  },
  async 'idle-24'() {
    const fleet = await startFleet(25)
    await idle(fleet, 30).finally(() => fleet.close())
  },
  async spread() {
    const fleet = await startFleet(25)
    try {
      await spread(fleet, '1 KB', 1_000, 9)
      await spread(fleet, '1 MB', 1_000_000, 5)
    } finally {
      await fleet.close()
    }
  },
  async pull() {
    lines.push(...(await measurePull()))
  },
  async 'start-1'() {
    lines.push(...(await measureStart()))
  },
  async 'start-50'() {
    lines.push(...(await measureFifty()))
  },
  async 'quiet-100'() {
    lines.push(...(await measureQuiet()))
  },
  async firewall() {
    lines.push(...(await measureFirewall()))
  },
  async compile() {
    lines.push(...(await measureCompile()))
  },
  async command() {
    lines.push(...(await measureCommand()))
  },
}

if (process.argv.includes('--help')) {
  process.stdout.write(
    `npm run bench [-- [PART…] [--json]]\nparts: ${Object.keys(parts).join(', ')}\n`,
  )
  process.exit(0)
}
const unknown = only.find((name) => !Object.hasOwn(parts, name))
if (unknown !== undefined) {
  process.stderr.write(`bench: no part ${unknown}\nhint: npm run bench -- --help\n`)
  process.exit(2)
}
process.setMaxListeners(0)
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130))
for (const [name, run] of Object.entries(parts)) {
  if (only.length > 0 && !only.includes(name)) continue
  say(`bench: ${name} …`)
  await run()
}
process.stdout.write(json ? `${JSON.stringify({ lines })}\n` : `${tableOf(lines)}\n`)
