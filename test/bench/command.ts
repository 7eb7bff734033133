import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type Server, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { buildCovey } from '../lab/bundled.ts'
import { takingAgent } from '../operator/taking-agent.ts'
import { cpuOf } from './fleet.ts'
import { type BenchLine, line } from './report.ts'

const runs = 9
const logsCount = 20
const linesPerSecond = 1_000
/** Lines of all logs come in this many batches a second, as an agent passes on what it reads. */
const batchesPerSecond = 10
const logSeconds = 10

/** Processor time of a command that is over, its children included, in ms. */
async function cpuOfRun(command: string, args: readonly string[]): Promise<number> {
  // The shell says what its children took; nothing of the shell itself is in it.
  const script = '"$@" >/dev/null; times'
  const child = spawn('sh', ['-c', script, 'sh', command, ...args], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  let text = ''
  for await (const chunk of child.stdout) text += chunk
  const [, children = ''] = text.split('\n')
  return children.split(' ').reduce((sum, part) => {
    const [, minutes = '0', seconds = '0'] = /^(\d+)m([\d.]+)s$/.exec(part) ?? []
    return sum + (Number(minutes) * 60 + Number(seconds)) * 1_000
  }, 0)
}

/** An agent that tells of two hosts, and whose containers write without end. */
async function serveAgent(runDir: string): Promise<Server> {
  const { routes } = takingAgent()
  const status = routes['GET /v1/status']
  const server = createServer((request, response) => {
    const path = request.url?.split('?')[0] ?? ''
    if (path.endsWith('/logs')) return writeLog(response)
    const body = path === '/v1/status' ? status?.({ url: path, body: '' }).body : {}
    response.writeHead(path === '/v1/status' ? 200 : 404, { 'content-type': 'application/json' })
    response.end(JSON.stringify(body))
  })
  await new Promise<void>((listening) => {
    server.listen(join(runDir, 'covey.sock'), () => listening())
  })
  return server
}

function writeLog(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'text/plain' })
  const lines = linesPerSecond / logsCount / batchesPerSecond
  let number = 0
  const timer = setInterval(() => {
    const time = new Date().toISOString().replace('Z', '000000+00:00')
    const record = (): string => `${time} stdout F GET /index.html 200 number ${++number}\n`
    response.write(Array.from({ length: lines }, record).join(''))
  }, 1_000 / batchesPerSecond)
  response.on('close', () => clearInterval(timer))
}

/** Share of a core that following the logs takes, once it runs; in percent. */
async function followShare(command: string, runDir: string): Promise<number> {
  const names = Array.from({ length: logsCount }, (_, index) => `c${index}`)
  const args = ['logs', '--run-dir', runDir, '-f', ...names]
  const child = spawn(command, args, { stdio: 'ignore' })
  try {
    await sleep(2_000)
    const pid = child.pid ?? 0
    const before = await cpuOf(pid)
    await sleep(logSeconds * 1_000)
    return (((await cpuOf(pid)) - before) / logSeconds) * 100
  } finally {
    child.kill('SIGKILL')
  }
}

/** Measures the cost of the operator's command on the laptop, from the bundle. */
export async function measureCommand(): Promise<readonly BenchLine[]> {
  const covey = buildCovey()
  const runDir = await mkdtemp(join(tmpdir(), 'covey-bench-'))
  const server = await serveAgent(runDir)
  try {
    const status: number[] = []
    const bare: number[] = []
    for (let run = 0; run < runs; run++) {
      status.push(await cpuOfRun(covey.path, ['status', '--run-dir', runDir]))
      bare.push(await cpuOfRun(process.execPath, ['-e', '0']))
    }
    const share = await followShare(covey.path, runDir)
    return [
      line('covey status, processor time', status, 'ms', 'goal', [150]),
      line('  of it Node itself', bare, 'ms', 'covey status', status),
      line(
        `logs -f of ${logsCount} at ${linesPerSecond} lines/s`,
        [share],
        '% of a core',
        'goal',
        [5],
      ),
    ]
  } finally {
    server.closeAllConnections()
    server.close()
    await rm(runDir, { recursive: true, force: true })
    covey.remove()
  }
}
