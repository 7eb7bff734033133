import { pino } from 'pino'
import { startAgent } from '../../agent/agent.ts'
import { noReconcilers } from '../../agent/reconcilers.ts'
import { defaultSettings } from '../../agent/settings.ts'

/**
 * One agent of a benchmark's fleet: the whole daemon without reconcilers, so that many fit one
 * machine and none of them touches it. Arguments: state folder, run folder.
 */
const [stateDir = '', runDir = ''] = process.argv.slice(2)
const log = pino({ level: 'silent' })
const agent = await startAgent({
  stateDir,
  runDir,
  log,
  settings: defaultSettings,
  settingsFile: '/etc/covey/agent.json',
  reconcilers: noReconcilers(log),
  onFatal: () => process.exit(1),
})
process.on('SIGTERM', () => void agent.stop().then(() => process.exit(0)))
