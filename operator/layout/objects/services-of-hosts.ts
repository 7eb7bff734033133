import { type Findings, newFindings } from '../findings.ts'
import type { CompileInput } from '../inputs.ts'
import { type Arrangement, arrangeServices } from '../services/arrangement.ts'
import type { Member } from '../services/members.ts'
import { type ServiceParts, servicePartsOf } from './container.ts'
import { readFlows } from './flows.ts'
import { type HostSecret, hostObjects, type MadeObject, secretsOf } from './host-objects.ts'

/** Everything that the stacks of a layout come to. */
export interface HostServices {
  readonly arrangement: Arrangement
  /** Objects of each host. Adds faults to `findings` at each call. */
  objectsOf(host: string): readonly MadeObject[]
  secretsOf(host: string): readonly HostSecret[]
  readonly findings: Findings
}

/** Arranges the services of all stacks. Pure. */
export function servicesOfHosts(input: CompileInput): HostServices {
  const findings = newFindings()
  const arrangement = arrangeServices(input, findings)
  const flows = readFlows(arrangement, findings)
  const parts = new Map<Member, ServiceParts>()
  const partsOf = (member: Member): ServiceParts => {
    const known = parts.get(member)
    if (known !== undefined) return known
    const made = servicePartsOf(member, arrangement, findings)
    parts.set(member, made)
    return made
  }
  // Also those that have no place: all faults are reported at once.
  const { names } = arrangement.members
  const written = writtenVolumes(input)
  for (const member of arrangement.members.all) {
    const { contents, mounted } = partsOf(member)
    for (const { object, text } of contents.sealed) {
      names.claim(object, text, member.service.place)
    }
    for (const [object, { text, entry, external }] of mounted.volumes) {
      if (external !== undefined && written.has(object)) continue
      names.claim(object, text, entry?.place)
    }
  }
  return {
    arrangement,
    findings,
    objectsOf: (host) => hostObjects(host, partsOf, flows, arrangement, findings),
    secretsOf: (host) => secretsOf(host, partsOf, arrangement),
  }
}

/** Volumes that the layout itself has on some host: an external one is that very object. */
function writtenVolumes({ layout }: CompileInput): ReadonlySet<string> {
  const objects = [...layout.hosts.values()].flatMap((host) => Object.entries(host.objects))
  return new Set(objects.filter(([, { type }]) => type === 'volume').map(([name]) => name))
}
