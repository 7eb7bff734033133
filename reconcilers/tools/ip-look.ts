import { CoveyError } from '../../protocol/fault.ts'
import type { HostPorts } from '../host-ports.ts'
import { lookCommand } from './ip.ts'
import { type LinksAndRoutes, parseLook } from './ip-parse.ts'
import { errorLine } from './words.ts'

const underWay = new WeakMap<AbortSignal, Map<HostPorts, Promise<LinksAndRoutes>>>()

/**
 * Looks at links, addresses, routes, namespaces and forwarding. Reconcilers that look in one round,
 * which is to say with one signal, share one process. Rejects with `tool-output` or as the command
 * runner does.
 */
export function lookAtLinks(host: HostPorts, signal: AbortSignal): Promise<LinksAndRoutes> {
  const looks = underWay.get(signal) ?? new Map<HostPorts, Promise<LinksAndRoutes>>()
  underWay.set(signal, looks)
  const before = looks.get(host)
  if (before !== undefined) return before
  // A look that has ended is not handed out again: the host may have changed since.
  const look = runLook(host, signal).finally(() => looks.delete(host))
  looks.set(host, look)
  return look
}

async function runLook(host: HostPorts, signal: AbortSignal): Promise<LinksAndRoutes> {
  const looked = await host.run(lookCommand(), signal)
  if (looked.exitCode !== 0) throw new CoveyError('tool-output', errorLine(looked.stderr))
  return parseLook(looked.stdout)
}
