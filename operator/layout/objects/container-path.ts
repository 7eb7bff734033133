import { posix } from 'node:path'

/** A path in a container as objects have it: without empty parts, and no slash at its end. */
export function containerPath(target: string): string {
  return posix.normalize(target).replace(/(?<=.)\/$/, '')
}
