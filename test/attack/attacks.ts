import type { Attack } from './attack.ts'

/** Every attack, in the order in which they run. */
export const attacks: readonly Attack[] = []
