import type { Attack } from './attack.ts'
import { plainText } from './plain-text.ts'

/** Every attack, in the order in which they run. */
export const attacks: readonly Attack[] = [plainText]
