import type { ConfigObject } from '../../../protocol/documents/config.ts'
import { seesHost } from '../../../reconcilers/runc/bundle/host-parts.ts'
import type { Findings } from '../findings.ts'
import { labelOf, type Member } from '../services/members.ts'

/** The fields of a part of an object. */
export type Fields = Omit<ConfigObject, 'type'>

/** Docker's own set without MKNOD, and without what covey gives unasked. */
const dockerCapabilities: readonly string[] = [
  ...['AUDIT_WRITE', 'FSETID', 'NET_RAW', 'SETFCAP', 'SETPCAP', 'SYS_CHROOT'],
]

/**
 * The rights of a container: as in Docker for a Compose file, covey's own set where it is strict.
 */
export function hardeningOf({ service, stack }: Member, findings: Findings): Fields {
  const { isStrict } = stack.options
  const has = (option: RegExp): boolean => service.securityOpt.some((text) => option.test(text))
  const isBound = has(/^no-new-privileges([:=]true)?$/)
  const privileges = isStrict || isBound ? {} : { no_new_privileges: false }
  const capabilities = capabilitiesOf(service, isStrict, findings)
  tellOfLater(service, findings)
  return {
    ...(capabilities === undefined ? {} : { capabilities }),
    ...privileges,
    ...viewsOf({ service, stack }, findings),
    ...(service.isReadOnly ? { read_only_root: true } : {}),
    ...devicesOf(service, findings),
  }
}

type Service = Member['service']

/** The parts of its host that it sees, as users of its own; else perhaps privileged. */
function viewsOf(
  { service, stack }: Pick<Member, 'service' | 'stack'>,
  findings: Findings,
): Fields {
  const mounts = service.volumes.map(({ source = '' }) => ({ host_path: plainPath(source) }))
  const isViewer = seesHost({ host_pid: service.pidHost, mounts })
  if (service.privileged) {
    const grant = `privileged:${labelOf(stack.name, service.name)}`
    const message = isViewer
      ? 'privileged is left out: what sees all of its host runs in a user namespace'
      : `it runs UNPRIVILEGED on a host that does not grant ${grant} (covey host grant ${grant})`
    findings.note(service.placeOf('privileged'), message)
  }
  if (!isViewer) return service.privileged ? { privileged: true } : {}
  return { ...(service.pidHost ? { host_pid: true } : {}), user_namespace: true }
}

/** Tells of what no agent can do yet. */
function tellOfLater(service: Service, findings: Findings): void {
  if (!service.wantsGpu) return
  const message = 'a GPU as such comes with a later version: name its devices'
  const path = `services.${service.name}.gpus`
  findings.fault(service.placeOf('gpus'), 'not-supported-yet', message, path)
}

function capabilitiesOf(
  service: Service,
  isStrict: boolean,
  findings: Findings,
): Fields | undefined {
  const bare = (name: string): string => name.toUpperCase().replace(/^CAP_/, '')
  const added = [...new Set(service.capAdd.map(bare))]
  const dropped = [...new Set(service.capDrop.map(bare))]
  if (added.includes('ALL')) {
    const message = 'ALL is never added: name what the program needs, as NET_ADMIN'
    const path = `services.${service.name}.cap_add`
    findings.fault(service.placeOf('cap_add'), 'stack-capability', message, path)
  }
  const usual = isStrict || dropped.includes('ALL') ? [] : dockerCapabilities
  const add = [...usual.filter((name) => !dropped.includes(name)), ...added].filter(
    (name, index, all) => all.indexOf(name) === index && name !== 'ALL',
  )
  const drop = dropped.filter((name) => !usual.includes(name) && !add.includes(name))
  if (add.length === 0 && drop.length === 0) return undefined
  return {
    ...(add.length === 0 ? {} : { add: add.sort() }),
    ...(drop.length === 0 ? {} : { drop: drop.sort() }),
    // In Docker another user than root gets no capability by itself.
    ...(isStrict || add.length === 0 ? {} : { ambient: false }),
  }
}

/** A path without slashes at its end. */
function plainPath(path: string): string {
  return path.replace(/(?<=.)\/+$/, '')
}

function devicesOf({ name, devices, capAdd }: Service, findings: Findings): Fields {
  if (devices.length === 0) return {}
  const makesNodes = capAdd.some((each) => /^(CAP_)?MKNOD$/i.test(each))
  const entries = devices.map(({ permissions, place, ...written }) => {
    const [source, target] = [plainPath(written.source), plainPath(written.target)]
    // Without MKNOD it makes no nodes: what is left of Docker's `rwm` is covey's own default.
    const kept = ['r', 'w', 'm'].filter((each) => permissions.includes(each))
    const own = kept.filter((each) => each !== 'm' || makesNodes).join('')
    if (own === '') {
      const message = 'a device that can neither be read nor written needs cap_add: [MKNOD]'
      findings.fault(place, 'stack-capability', message, `services.${name}.devices`)
    }
    const entry = {
      source,
      ...(target === source ? {} : { target }),
      ...(own === 'rw' ? {} : { permissions: own }),
    }
    return Object.keys(entry).length === 1 ? source : entry
  })
  return { devices: entries }
}
