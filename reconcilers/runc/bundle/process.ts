import { bad, type Checked, good } from '../../../protocol/fault.ts'
import type { ImageConfig } from '../../host-images.ts'
import type { ContainerObject } from '../object/container-object.ts'
import type { Account } from './accounts.ts'

/**
 * The command line of a container. `command` replaces the image's entrypoint and arguments, `args`
 * only the arguments; `command: []` runs the arguments as they are.
 *
 * Fault: `command-missing`.
 */
export function commandOf(
  container: ContainerObject,
  image: ImageConfig,
): Checked<readonly string[]> {
  const { command, args } = container
  const words = [
    ...(command ?? image.entrypoint),
    ...(args ?? (command === undefined ? image.command : [])),
  ]
  if (words[0] !== undefined && words[0] !== '') return good(words)
  return bad('command-missing', 'the image names no program to run: set command')
}

/**
 * The environment, by name: variables of the runtime and covey, then of the image, then of the
 * object. Secrets are not in it.
 */
export function environmentOf(
  base: readonly string[],
  container: ContainerObject,
  image: ImageConfig,
  account: Account,
  hostname: string,
): ReadonlyMap<string, string> {
  return new Map([
    ...base.flatMap(variableOf),
    ['HOSTNAME', hostname] as const,
    ['HOME', account.home] as const,
    ...image.environment.flatMap(variableOf),
    ...Object.entries(container.env),
  ])
}

/** `NAME=value` as a pair; empty for other texts. */
function variableOf(text: string): readonly (readonly [string, string])[] {
  const at = text.indexOf('=')
  return at < 1 || text.includes('\0') ? [] : [[text.slice(0, at), text.slice(at + 1)]]
}
