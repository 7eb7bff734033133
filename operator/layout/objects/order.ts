import type { Findings } from '../findings.ts'
import type { Arrangement } from '../services/arrangement.ts'
import type { Replica } from '../services/placement.ts'
import type { Fields } from './hardening.ts'

/**
 * The objects that a new container waits for on its own host. It never waits for another host: the
 * hosts apply a config each for itself.
 */
export function orderOf(
  { member, host }: Replica,
  arrangement: Arrangement,
  findings: Findings,
): Fields {
  const { stack, service } = member
  const after: Fields[] = []
  for (const [name, { condition }] of service.dependsOn) {
    const other = arrangement.members.byKey.get(`${stack.name}/${name}`)
    if (other === undefined || other === member) continue
    const path = `depends_on.${name}`
    const fault = (message: string): void => {
      const at = `services.${service.name}.${path}`
      findings.fault(service.placeOf(path), 'stack-order', message, at)
    }
    if (condition === 'healthy' && other.service.healthcheck?.kind === 'none') {
      fault(`${other.label} has no health check that could succeed`)
    }
    const goesOn = ['always', 'unless-stopped'].includes(other.service.restart ?? '')
    if (condition === 'completed' && goesOn) {
      fault(`${other.label} never ends: it has restart: ${other.service.restart}`)
    }
    for (const replica of arrangement.replicasOf(other)) {
      if (replica.host === host) after.push({ container: replica.object, condition })
    }
  }
  return after.length === 0 ? {} : { after }
}
