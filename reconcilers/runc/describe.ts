import { describedMax } from './limits.ts'
import type { RuncStep } from './plan.ts'

/**
 * Describes a step in one line for a dry run, a log or a test: names of containers, never their
 * content.
 */
export function describeRunc(step: RuncStep): string {
  switch (step.kind) {
    case 'pull':
      return `pull ${step.reference}${step.isMapped ? ' for user namespaces' : ''}`
    case 'create':
      return `create ${step.spec.id}`
    case 'again':
      return `create ${step.id} again`
    case 'start':
      return `start ${step.id}`
    case 'replace':
      return `stop ${step.before.map(({ id }) => id).join(', ')}, start ${step.id}`
    case 'stop':
      return `${step.order.signal === 9 ? 'kill' : 'stop'} ${step.id}: ${step.why}`
    case 'remove':
      return `remove ${step.id}`
    case 'keep-exit':
      return `record how ${step.id} ended`
    case 'remember':
      return `record the policy of ${step.record.id}`
    case 'order':
      return `forget that ${step.object} was to ${step.order.kind}`
    case 'hosts':
      return `write /etc/hosts of ${listed(step.ids)}`
    case 'resolvers':
      return `write /etc/resolv.conf of ${listed(step.ids)}`
    case 'logins':
      return `use ${step.logins.map(({ object }) => object).join(', ') || 'no user'} for pulls`
    case 'remember-volumes':
      return 'record on_remove of the volumes'
    case 'remove-volume':
      return `remove volume ${step.object}`
  }
}

function listed(ids: readonly string[]): string {
  const more = ids.length - describedMax
  const shown = ids.slice(0, describedMax).join(', ')
  return more > 0 ? `${shown} and ${more} more` : shown
}
