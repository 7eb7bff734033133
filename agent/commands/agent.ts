import { watchFile } from 'node:fs'
import { constants } from 'node:os'
import { lockNetwork } from '../../machine/kernel/network-lock.ts'
import type { Log } from '../../reconcilers/reconciler.ts'
import { startAgent } from '../agent.ts'
import { settingsLookMs, stopMsMax } from '../limits.ts'
import { openLog } from '../log.ts'
import { openReconcilers } from '../reconcilers.ts'
import { readSettings } from '../settings.ts'

const signalIgnored =
  'this signal is ignored: SIGHUP reads grants again, systemctl restart covey all settings'

/** Paths of the agent's files. */
export interface AgentPlaces {
  readonly stateDir: string
  readonly runDir: string
  readonly config: string
}

/**
 * Runs the agent until SIGTERM, SIGINT or SIGQUIT (which would leave its keys in a core file, were
 * it not listened to). Errors: those of `startAgent`, `settings`, `rescue`.
 */
export async function runAgent(places: AgentPlaces): Promise<void> {
  const read = await readSettings(places.config)
  const grants = [...read.grants]
  const settings = { ...read, grants }
  const log = openLog(settings.log_level)
  const reconcilers = await openReconcilers({ settings, settingsFile: places.config, log })
  const ending = new AbortController()
  // From here on a signal ends the agent, also while it starts.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const) {
    process.on(signal, () => {
      // Who says it twice does not want to wait; what has been reported is durable already.
      if (ending.signal.aborted) process.exit(128 + constants.signals[signal])
      ending.abort(signal)
    })
  }
  for (const signal of ['SIGUSR1', 'SIGUSR2'] as const) {
    process.on(signal, () => log.warn({ signal }, signalIgnored))
  }
  const agent = await startAgent({
    ...places,
    log,
    settings,
    settingsFile: places.config,
    reconcilers,
    lockNetwork: () => lockNetwork({ log }),
    onFatal(error) {
      log.fatal({ err: error }, 'the disk failed; start the agent again to read what it holds')
      process.exit(1)
    },
  })
  const readAgain = (): void => {
    void readGrants(places.config, grants, log).then((isRead) => isRead && agent.look('grants'))
  }
  process.on('SIGHUP', readAgain)
  watchFile(places.config, { interval: settingsLookMs, persistent: false }, readAgain)
  await new Promise<void>((resolve) => {
    if (ending.signal.aborted) resolve()
    else ending.signal.addEventListener('abort', () => resolve())
  })
  log.info({ signal: ending.signal.reason }, 'agent ends')
  // What has been reported is durable already, so nothing is lost where a part does not end in
  // time.
  setTimeout(() => process.exit(0), stopMsMax).unref()
  await agent.stop()
  process.exit(0)
}

/**
 * Reads the grants again into the list that everything else looks at. Other settings count from the
 * next start. False where the file has faults: then all grants stay as they are.
 */
export async function readGrants(path: string, grants: string[], log: Log): Promise<boolean> {
  try {
    const { grants: now } = await readSettings(path)
    const added = now.filter((grant) => !grants.includes(grant))
    const taken = grants.filter((grant) => !now.includes(grant))
    grants.splice(0, grants.length, ...now)
    log.info({ added, taken }, 'the grants of this host were read again')
    return true
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    log.error({ reason }, 'the settings have faults; the grants stay as they were')
    return false
  }
}
