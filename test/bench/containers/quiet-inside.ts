import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

/** The cost of an agent over some time. */
export interface QuietCost {
  /**
   * All that it did: its own, and that of the processes that it has started and that have ended.
   */
  readonly cpuMs: number
  /** Of one look at everything and the plan from it, which is what a round does. */
  readonly planCpuMs: number
  /** Processes and threads that were started on the host. */
  readonly processes: number
}

const plans = 20
const settleMs = 15_000
/** proc(5): times are in ticks of 10 ms. */
const tickMs = 10

/** Fields 14 to 17 of /proc/PID/stat: user and system time, its own and its children's. */
function cpuMs(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0) * tickMs
}

function lastProcess(): number {
  return Number(readFileSync('/proc/sys/kernel/ns_last_pid', 'utf8'))
}

/** Asks the agent for the steps of a round now. */
function askPlan(): Promise<void> {
  return new Promise((resolve, reject) => {
    const options = { socketPath: '/run/covey/covey.sock', path: '/v1/plan' }
    const asked = request(options, (response) => {
      response.resume()
      response.on('end', () => {
        if (response.statusCode === 200) resolve()
        else reject(new Error(`GET /v1/plan: ${response.statusCode}`))
      })
    })
    asked.on('error', reject)
    asked.end()
  })
}

/** Runs on the host of an agent, watches it for some seconds and prints the cost as JSON. */
async function main(seconds: number): Promise<void> {
  const pid = Number(readFileSync('/run/covey-lab.agent', 'utf8'))
  await sleep(settleMs)
  const [cpuBefore, processBefore] = [cpuMs(pid), lastProcess()]
  await sleep(seconds * 1000)
  const [cpuAfter, processAfter] = [cpuMs(pid), lastProcess()]
  for (let plan = 0; plan < plans; plan++) await askPlan()
  const cost: QuietCost = {
    cpuMs: cpuAfter - cpuBefore,
    planCpuMs: (cpuMs(pid) - cpuAfter) / plans,
    processes: processAfter - processBefore,
  }
  console.log(JSON.stringify(cost))
}

if (process.argv[1] === import.meta.filename) await main(Number(process.argv[2]))
