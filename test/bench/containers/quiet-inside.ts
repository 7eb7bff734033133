import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** What an agent has cost over some time. */
export interface QuietCost {
  /** Of its own, and of the processes that it has started and that have ended. */
  readonly cpuMs: number
  /** Processes and threads that were started on the host. */
  readonly processes: number
}

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

/** Runs on the host of an agent, watches it for some seconds and prints the cost as JSON. */
async function main(seconds: number): Promise<void> {
  const pid = Number(readFileSync('/run/covey-lab.agent', 'utf8'))
  await sleep(settleMs)
  const [cpuBefore, processBefore] = [cpuMs(pid), lastProcess()]
  await sleep(seconds * 1000)
  const cost: QuietCost = {
    cpuMs: cpuMs(pid) - cpuBefore,
    processes: lastProcess() - processBefore,
  }
  console.log(JSON.stringify(cost))
}

if (process.argv[1] === import.meta.filename) await main(Number(process.argv[2]))
