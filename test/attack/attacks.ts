import type { Attack } from './attack.ts'
import { nodeDebugger } from './debugger.ts'
import { floodLogs } from './flood-logs.ts'
import { floodsAttack } from './floods.ts'
import { grantedFolder } from './granted-folder.ts'
import { idleConnections } from './idle-connections.ts'
import { oddLayers } from './odd-layers.ts'
import { overlayFromLan } from './overlay-from-lan.ts'
import { plainText } from './plain-text.ts'
import { pluginTree } from './plugin-tree.ts'
import { registryRealm } from './registry-realm.ts'
import { secondAgent } from './second-agent.ts'
import { silenceStatus } from './silence-status.ts'
import { silentSockets } from './silent-sockets.ts'
import { terminalEscapes } from './terminal-escapes.ts'

/** Every attack, in the order in which they run. */
export const attacks: readonly Attack[] = [
  pluginTree,
  registryRealm,
  idleConnections,
  grantedFolder,
  overlayFromLan,
  plainText,
  terminalEscapes,
  nodeDebugger,
  oddLayers,
  silenceStatus,
  silentSockets,
  floodsAttack,
  secondAgent,
  floodLogs,
]
