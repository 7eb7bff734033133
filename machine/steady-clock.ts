import type { Clock } from '../reconcilers/host-ports.ts'
import { machineClock } from './clock.ts'

/**
 * A clock that runs forward at its own pace: set right once, at the start, and never after.
 * Deadlines of the node must not move when somebody, or NTP, sets the machine's clock.
 */
export const steadyClock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  sleep: machineClock.sleep,
}
