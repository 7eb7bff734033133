import type { WireguardStep } from './plan.ts'

/** One line on a step, without secrets. */
export function describeWireguard(step: WireguardStep): string {
  switch (step.kind) {
    case 'remove-link':
      return `remove link ${step.link}`
    case 'make-link':
      return `make link ${step.link}`
    case 'name-link':
      return `name link ${step.link} ${step.alias}`
    case 'sync-device': {
      const renewed = step.renew.length === 0 ? '' : `, ${step.renew.length} of them anew`
      return `give ${step.link} port ${step.listenPort} and ${step.peers.length} peers${renewed}`
    }
    case 'batch':
    case 'guard':
      return step.lines.map((line) => line.words.join(' ')).join('; ')
    case 'boot':
      return 'record the ranges to guard at the next boot'
    case 'remember':
      return 'record what was applied'
  }
}
