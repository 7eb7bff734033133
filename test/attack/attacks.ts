import type { Attack } from './attack.ts'
import { grantedFolder } from './granted-folder.ts'

/** Every attack, in the order in which they run. */
export const attacks: readonly Attack[] = [grantedFolder]
