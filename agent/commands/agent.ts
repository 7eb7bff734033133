import { startAgent } from '../agent.ts'
import { stopMsMax } from '../limits.ts'
import { openLog } from '../log.ts'
import { openReconcilers } from '../reconcilers.ts'
import { readSettings } from '../settings.ts'

/** Where the agent finds its files. */
export interface AgentPlaces {
  readonly stateDir: string
  readonly runDir: string
  readonly config: string
}

/**
 * Runs the agent until SIGTERM or SIGINT. Errors: those of `startAgent`, `settings`, `rescue`.
 */
export async function runAgent(places: AgentPlaces): Promise<void> {
  const settings = await readSettings(places.config)
  const log = openLog(settings.log_level)
  const reconcilers = await openReconcilers({ settings, settingsFile: places.config, log })
  const ending = new AbortController()
  // From here on a signal ends the agent, also while it starts.
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => ending.abort(signal))
  }
  const agent = await startAgent({
    ...places,
    log,
    settings,
    settingsFile: places.config,
    reconcilers,
    onFatal(error) {
      log.fatal({ err: error }, 'the disk failed; a new start reads what it holds')
      process.exit(1)
    },
  })
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
