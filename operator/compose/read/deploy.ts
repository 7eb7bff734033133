import type { ComposeService } from '../project.ts'
import type { Cursor } from './cursor.ts'

const restarts = new Set(['no', 'always', 'on-failure', 'unless-stopped'] as const)
type Restart = NonNullable<ComposeService['restart']>

/** Reads the replicas of a service, their hosts, and the way of their replacement. */
export function readDeploy(service: Cursor): ComposeService['deploy'] {
  const deploy = service.at('deploy')
  const mode = deploy.at('mode').text() ?? 'replicated'
  if (mode !== 'replicated' && mode !== 'global') {
    const message = 'must be replicated or global; one-shots are services with restart: "no"'
    deploy.at('mode').fault(message, 'compose-refused')
  }
  const order = deploy.at('update_config').at('order')
  const written = order.text()
  const isOrder = written === 'start-first' || written === 'stop-first'
  if (written !== undefined && !isOrder) order.fault('must be start-first or stop-first')
  const constraints = deploy.at('placement').at('constraints').items()
  return {
    replicas: readReplicas(service),
    mode: mode === 'global' ? 'global' : 'replicated',
    constraints: constraints.flatMap((item) => item.rich() ?? []),
    updateOrder: isOrder ? written : undefined,
  }
}

function readReplicas(service: Cursor): number | undefined {
  const scale = service.at('scale').integer()
  const replicas = service.at('deploy').at('replicas').integer()
  if (scale !== undefined && replicas !== undefined && scale !== replicas) {
    service.at('scale').fault('says another number than deploy.replicas')
  }
  const count = scale ?? replicas
  if ((count ?? 0) > 1 && !service.at('container_name').isAbsent) {
    service.at('container_name').fault('a service with several replicas has no container_name')
  }
  return count
}

/** The policy of `deploy` wins over `restart`, as in Compose. */
export function readRestart(service: Cursor): Restart | undefined {
  const policy = service.at('deploy').at('restart_policy')
  if (!policy.isAbsent) {
    const condition = policy.at('condition').text() ?? 'any'
    if (condition === 'any') return 'always'
    if (condition === 'none') return 'no'
    if (condition === 'on-failure') return condition
    policy.at('condition').fault('must be none, on-failure or any')
  }
  const cursor = service.at('restart')
  const text = cursor.text()
  if (text === undefined || text === '') return undefined
  const [name = '', count] = text.split(':', 2)
  const known = name === 'false' ? 'no' : [...restarts].find((restart) => restart === name)
  if (known === undefined) {
    return cursor.fault(`must be "no", always, on-failure or unless-stopped: ${cursor.shown}`)
  }
  if (count !== undefined) cursor.note('covey does not count restarts, and waits longer each time')
  return known
}
