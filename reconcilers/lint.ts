import type * as z from 'zod'
import { agentObjectSchema } from '../protocol/documents/agent-object.ts'
import { bodyFaults, type Config } from '../protocol/documents/config.ts'
import type { Fault } from '../protocol/fault.ts'
import type { Cluster } from './cluster/cluster.ts'
import { clusterOf } from './cluster/index.ts'
import { checkSchema } from './cluster/parse.ts'
import { checkReference, objectIn, sectionOf, typeIn } from './cluster/references.ts'
import { containerNetworkTypes } from './container-network/spec.ts'
import { agentType } from './loop/extra-types.ts'
import { judgeNftables } from './nftables/resolve.ts'
import { nftablesTypes } from './nftables/spec.ts'
import type { Resolved } from './reconciler.ts'
import { judgeRunc } from './runc/resolve.ts'
import { runcTypes } from './runc/spec.ts'
import { wireguardTypes } from './wireguard/spec.ts'

/** The pure part of every reconciler that this version has. */
const judges: readonly ((cluster: Cluster, host: string) => Pick<Resolved<unknown>, 'faulty'>)[] = [
  (cluster, host) => cluster.host(host).judgedLinks,
  (cluster, host) => cluster.host(host).attachments,
  judgeRunc,
  judgeFirewall,
]

/** The firewall of a host, where the config says anything of it: the look at it is a large one. */
function judgeFirewall(cluster: Cluster, host: string): Pick<Resolved<unknown>, 'faulty'> {
  const { section } = cluster.host(host)
  const names = Object.keys(section)
  const isAsked = names.some((name) => Object.hasOwn(nftablesTypes, typeIn(section, name) ?? ''))
  return isAsked ? judgeNftables(cluster, host) : { faulty: [] }
}

/** Every object type that this version knows, with its schema. */
export const knownTypes: Readonly<Record<string, z.ZodType>> = {
  [agentType.type]: agentType.schema,
  ...wireguardTypes,
  ...containerNetworkTypes,
  ...runcTypes,
  ...nftablesTypes,
}

/** Objects whose type this version does not know, with the path of the type. */
export function lintTypes(
  config: Pick<Config, 'hosts'>,
): readonly { readonly path: string; readonly type: string }[] {
  return Object.keys(config.hosts).flatMap((host) => {
    const section = sectionOf(config, host) ?? {}
    return Object.keys(section).flatMap((name) => {
      const type = typeIn(section, name)
      if (type === undefined || Object.hasOwn(knownTypes, type)) return []
      return [{ path: `hosts.${host}.${name}.type`, type }]
    })
  })
}

/**
 * Everything that is wrong with a config, over all hosts: form, fields and references, each with
 * the path of its field. An object of an unknown type is no fault here: the host it is for may know
 * it.
 */
export function lintConfig(config: Config): readonly Fault[] {
  const faults: Fault[] = [...bodyFaults(config)]
  const peerIds = new Map<string, string>()
  const cluster = clusterOf(config)
  for (const host of Object.keys(config.hosts)) {
    if (sectionOf(config, host) === undefined) continue
    for (const judge of judges) {
      // One by one: a call takes only so many arguments, and one object may have more faults.
      for (const { fault } of judge(cluster, host).faulty) faults.push(fault)
    }
    for (const fault of agentFaults(config, host, peerIds)) faults.push(fault)
  }
  return withoutRepeats(faults)
}

function agentFaults(config: Config, host: string, peerIds: Map<string, string>): readonly Fault[] {
  const section = sectionOf(config, host) ?? {}
  const faults: Fault[] = []
  const names = Object.keys(section).filter((name) => typeIn(section, name) === agentType.type)
  for (const [index, name] of names.entries()) {
    const path = `hosts.${host}.${name}`
    const object = objectIn(section, name)
    const { value: agent, faults: found } = checkSchema(agentObjectSchema, path, object)
    for (const fault of found) faults.push(fault)
    const target = section[name]?.['network']
    for (const reference of agentType.references) {
      if (typeof target !== 'string') continue
      const fault = checkReference(section, path, reference, target)
      if (fault !== undefined) faults.push(fault)
    }
    if (index > 0) {
      faults.push({ code: 'agent-repeated', message: `${names[0]} is this host's agent`, path })
    }
    const other = agent && peerIds.get(agent.peer_id)
    if (other !== undefined) {
      const message = `is also the peer id of host ${other}`
      faults.push({ code: 'peer-id-repeated', message, path: `${path}.peer_id` })
    } else if (agent !== undefined) peerIds.set(agent.peer_id, host)
  }
  return faults
}

/** A fault of one host's network is found again by each host that has it as a peer. */
function withoutRepeats(faults: readonly Fault[]): readonly Fault[] {
  const seen = new Map(faults.map((fault) => [`${fault.path} ${fault.code}`, fault] as const))
  return [...seen.values()]
}
