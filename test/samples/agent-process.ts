import { pino } from 'pino'
import { startAgent } from '../../agent/agent.ts'
import { noReconcilers } from '../../agent/reconcilers.ts'
import { defaultSettings } from '../../agent/settings.ts'

/** `node agent-process.ts STATE_DIR RUN_DIR`: an agent that touches nothing of the machine. */
const [stateDir = '', runDir = ''] = process.argv.slice(2)
const log = pino({ level: 'silent' })
const agent = await startAgent({
  ...{ stateDir, runDir, log },
  onFatal: (error) => {
    throw error
  },
  settings: defaultSettings,
  settingsFile: '/etc/covey/agent.json',
  reconcilers: noReconcilers(log),
})
process.once('SIGTERM', () => agent.stop())
process.stdout.write('ready\n')
