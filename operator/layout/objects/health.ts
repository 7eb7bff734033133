import type { Healthcheck } from '../../compose/project.ts'
import type { Findings } from '../findings.ts'
import type { Member, Members } from '../services/members.ts'
import type { Fields } from './hardening.ts'
import { withoutUndefined } from './process.ts'
import type { HiddenWords } from './secret-words.ts'

/** Times of a check that a Compose file leaves open, as Docker has them. */
const intervalSeconds = 30
const timeoutSeconds = 30
const retries = 3
/** More failed checks in a row than these are counted by nobody. */
const retriesMax = 100

/** The restart policy and the health check of a container. */
export function keepingOf(
  member: Member,
  members: Members,
  words: HiddenWords,
  findings: Findings,
): Fields {
  const { service } = member
  const { healthcheck: check } = service
  if (check?.kind === 'check' && (check.retries ?? 0) > retriesMax) {
    const message = `${check.retries} failed checks are more than covey counts: ${retriesMax} are enough here`
    findings.note(service.placeOf('healthcheck.retries'), message)
  }
  const health = healthOf(service.healthcheck, member.covey.restartsUnhealthy, words)
  return {
    restart: restartOf(member, members),
    ...(health === undefined ? {} : { health }),
  }
}

function restartOf(member: Member, members: Members): 'always' | 'on-failure' | 'never' {
  const { service } = member
  if (service.restart === 'no') return 'never'
  if (service.restart === 'on-failure') return 'on-failure'
  if (service.restart !== undefined) return 'always'
  return isAwaited(member, members) ? 'never' : 'always'
}

/** True if others wait for its end: then it runs once. */
function isAwaited({ stack, service }: Member, members: Members): boolean {
  return members.all.some(
    (other) =>
      other.stack === stack && other.service.dependsOn.get(service.name)?.condition === 'completed',
  )
}

/** A check that only shows what it finds, unless the service asks for more. */
function healthOf(
  check: Healthcheck | undefined,
  restarts: boolean,
  words: HiddenWords,
): Fields | undefined {
  if (check?.kind === 'none') return undefined
  const restart = restarts ? {} : { restart: false }
  if (check === undefined) return { from_image: true, ...restart }
  const isOwn = check.command !== undefined
  return withoutUndefined({
    ...(isOwn ? { command: words.shown(check.command) } : { from_image: true }),
    interval_seconds: secondsOf(check.intervalSeconds, isOwn ? intervalSeconds : undefined),
    timeout_seconds: secondsOf(check.timeoutSeconds, isOwn ? timeoutSeconds : undefined),
    retries:
      check.retries === undefined
        ? isOwn
          ? retries
          : undefined
        : Math.min(retriesMax, check.retries),
    start_seconds: secondsOf(check.startSeconds, undefined, 0),
    start_interval_seconds: secondsOf(check.startIntervalSeconds, undefined),
    ...restart,
  })
}

/** Whole seconds, as objects have them; parts of one count as one. */
function secondsOf(
  seconds: number | undefined,
  otherwise: number | undefined,
  least: number = 1,
): number | undefined {
  if (seconds === undefined) return otherwise
  return Math.min(3600, Math.max(least, Math.ceil(seconds)))
}
