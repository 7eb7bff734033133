import type { Attack } from './attack.ts'
import { nodeDebugger } from './debugger.ts'
import { grantedFolder } from './granted-folder.ts'
import { idleConnections } from './idle-connections.ts'
import { oddLayers } from './odd-layers.ts'
import { overlayFromLan } from './overlay-from-lan.ts'
import { plainText } from './plain-text.ts'
import { pluginTree } from './plugin-tree.ts'
import { registryRealm } from './registry-realm.ts'
import { terminalEscapes } from './terminal-escapes.ts'

/** Every attack, in the order in which they run. */
export const attacks: readonly Attack[] = [
  pluginTree,
  registryRealm,
  idleConnections,
  grantedFolder,
  overlayFromLan,
  plainText,
  <<<<<<<,
  HEAD,
  terminalEscapes,
  nodeDebugger,
  =======,
  oddLayers,
  >>>>>>>,
  h/images,
]
