import type { Attack } from './attack.ts'
import { overlayFromLan } from './overlay-from-lan.ts'

/** Every attack, in the order in which they run. */
export const attacks: readonly Attack[] = [overlayFromLan]
