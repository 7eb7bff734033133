import type { SshDestination } from './destination.ts'

/**
 * A host that was reached: its agent's two sockets, as sockets of this machine. Over one connection
 * of ssh all of them are opened; it ends with this process.
 */
export interface SshLine {
  readonly destination: SshDestination
  /** Paths of sockets, good until the connection ends. */
  readonly covey: string
  readonly admin: string
  /** Path of the socket by which further sessions use the connection. */
  readonly control: string
}

/** Arguments that stand for a connection which is there already. */
export function overLine(control: string): readonly string[] {
  // No configuration: what it adds, as forwards, was for the connection itself.
  return ['-F', 'none', '-S', control]
}
