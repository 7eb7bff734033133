import { isObject, type Json } from '../../protocol/documents/canonical-json.ts'
import type { Config } from '../../protocol/documents/config.ts'
import type { Fault } from '../../protocol/fault.ts'
import { jsonDepthMax } from '../../protocol/limits.ts'
import { lintConfig } from '../../reconcilers/lint.ts'
import { expectNoFaults, type Located } from '../sources/located.ts'
import { Failure } from '../terminal/failure.ts'
import type { ConfigDraft } from './make-config.ts'

/** The members that the signer writes itself. */
const claimNames = ['aud', 'epoch', 'version', 'ancestors', 'iat', 'allow_isolation', 'hosts']

/** The claims that a draft must agree with, where it carries any. */
export interface DraftPlace {
  readonly clusterId: string
  readonly epoch: number
}

/**
 * Reads a config that is to be signed, as `{"hosts": {…}}`. Throws `Failure` with exit code 2 and
 * all faults of its objects, and with exit code 4 where it says that it is for another cluster or
 * epoch.
 */
export function draftFrom(located: Located, place: DraftPlace | null): ConfigDraft {
  expectNoFaults(located, configFaults(located.value))
  const value = located.value as Readonly<Record<string, Json>>
  const { aud, epoch, version, allow_isolation: isolation } = value
  if (place !== null && aud !== undefined && aud !== place.clusterId) {
    throw new Failure(4, 'other-cluster', `it is for another cluster: its aud is ${String(aud)}`, {
      hint: 'remove "aud" from the file to sign it for this one',
    })
  }
  if (place !== null && epoch !== undefined && epoch !== place.epoch) {
    const message = `it is for epoch ${String(epoch)}, but the newest root here is ${place.epoch}`
    throw new Failure(4, 'other-epoch', message, { hint: 'remove "epoch" from the file' })
  }
  return {
    hosts: value['hosts'] as Config['hosts'],
    others: othersIn(value),
    allowIsolation: Array.isArray(isolation) ? isolation.map(String) : [],
    version: version === undefined ? undefined : Number(version),
  }
}

/** Members of the body of a payload that this version does not know. */
export function unknownMembers(payload: string): ConfigDraft['others'] {
  const value = JSON.parse(payload)
  return isObject(value) ? othersIn(value) : {}
}

function othersIn(value: Readonly<Record<string, Json>>): ConfigDraft['others'] {
  return Object.fromEntries(Object.entries(value).filter(([name]) => !claimNames.includes(name)))
}

/** Everything that is wrong with a config, signed or not: its form, its names, its objects. */
export function configFaults(value: unknown): readonly Fault[] {
  if (!isObject(value)) return [{ code: 'config-shape', message: 'a config is a JSON object' }]
  if ('payload' in value && 'signatures' in value) {
    return [
      {
        code: 'already-signed',
        message: 'this is a signed document; covey inject accepts it as it is',
      },
    ]
  }
  if (isDeeperThan(value, jsonDepthMax)) {
    return [{ code: 'too-deep', message: `JSON is nested deeper than ${jsonDepthMax} levels` }]
  }
  const faults: Fault[] = []
  const { aud, epoch, version, hosts, allow_isolation: isolation } = value
  if (aud !== undefined && typeof aud !== 'string') {
    faults.push({ code: 'claim-aud', message: 'must be the cluster id, sha256:…', path: 'aud' })
  }
  if (epoch !== undefined && typeof epoch !== 'number') {
    faults.push({ code: 'claim-epoch', message: 'must be a number', path: 'epoch' })
  }
  if (version !== undefined && (typeof version !== 'number' || version < 1)) {
    faults.push({ code: 'claim-version', message: 'must be 1 ... 2^32-1', path: 'version' })
  }
  const names = Array.isArray(isolation) && isolation.every((host) => typeof host === 'string')
  if (isolation !== undefined && !names) {
    const message = 'must be an array of host names'
    faults.push({ code: 'allow-isolation', message, path: 'allow_isolation' })
  }
  if (!isObject(hosts)) {
    const message =
      hosts === undefined ? 'is missing: {"hosts": {…}}' : 'must be an object of hosts'
    return [...faults, { code: 'body-hosts', message, path: 'hosts' }]
  }
  const config = blankConfig(hosts as unknown as Config['hosts'])
  return [...faults, ...lintConfig(config)]
}

/** A config of these hosts with claims that say nothing, for checks that only look at the body. */
function blankConfig(hosts: Config['hosts']): Config {
  return { aud: '', epoch: 1, version: 1, ancestors: [], iat: null, allowIsolation: [], hosts }
}

/**
 * True if a value is nested deeper; a list of levels instead of recursion, so that depth cannot
 * hurt.
 */
function isDeeperThan(value: unknown, depthMax: number): boolean {
  let level: readonly unknown[] = [value]
  for (let depth = 0; level.length > 0; depth++) {
    const inner = level.filter((item) => typeof item === 'object' && item !== null)
    if (inner.length > 0 && depth >= depthMax) return true
    level = inner.flatMap((item) => Object.values(item as object))
  }
  return false
}
