import type { ProjectFiles } from '../load/files.ts'
import type { ComposeService } from '../project.ts'
import type { Scope } from '../variables/scope.ts'
import { placeAt, plainOf } from '../yaml/tree.ts'
import type { Cursor } from './cursor.ts'
import { readDeploy, readRestart } from './deploy.ts'
import { readEnvironment } from './environment.ts'
import { readGrants } from './grants.ts'
import { readLabels, textMap } from './labels.ts'
import { readExpose, readPorts } from './ports.ts'
import { readCommand, readHealthcheck } from './process.ts'
import {
  readDependsOn,
  readExtraHosts,
  readLinks,
  readNetworkMode,
  readNetworks,
} from './relations.ts'
import { readResources } from './resources.ts'
import { readCapabilities, readDevices, readPidHost } from './security.ts'
import { readTmpfs, readVolumes } from './volumes.ts'
import { readVolumesFrom, type VolumeLender } from './volumes-from.ts'

/** The parts of the project that the reading of a service needs. */
export interface ServiceContext {
  readonly files: ProjectFiles
  readonly folder: string
  readonly scope: Scope
}

/** A service, and the names of its environment that nothing gives a value. */
export interface ReadService {
  readonly service: ComposeService
  readonly absent: readonly string[]
  readonly lenders: readonly VolumeLender[]
}

/** Reads a service of a merged project. */
export async function readService(
  name: string,
  cursor: Cursor,
  { files, folder, scope }: ServiceContext,
): Promise<ReadService> {
  const { tree } = cursor
  const image = cursor.at('image').rich()
  const { values, absent } = await readEnvironment(cursor, files, scope)
  const covey = cursor.at('x-covey').tree
  const lenders = readVolumesFrom(cursor.at('volumes_from'))
  const service: ComposeService = {
    name,
    place: cursor.place,
    placeOf: (path) => (tree === undefined ? cursor.place : placeAt(tree, path, cursor.place)),
    image,
    environment: values,
    ...readIdentity(cursor),
    ...readProcess(cursor),
    ...readNetworking(cursor),
    ...readRelations(cursor, lenders),
    volumes: readVolumes(cursor.at('volumes'), { folder, image: image?.value ?? '' }),
    tmpfs: readTmpfs(cursor.at('tmpfs')),
    configs: readGrants(cursor.at('configs'), '/'),
    secrets: readGrants(cursor.at('secrets'), '/run/secrets/'),
    ...readResources(cursor),
    ...readSecurity(cursor),
    labels: await readLabels(cursor, files),
    deploy: readDeploy(cursor),
    restart: readRestart(cursor),
    covey: covey === undefined ? undefined : plainOf(covey),
  }
  return { service, absent, lenders }
}

function readIdentity(
  cursor: Cursor,
): Pick<ComposeService, 'platform' | 'containerName' | 'hostname' | 'domainname'> {
  return {
    platform: someText(cursor.at('platform')),
    containerName: someText(cursor.at('container_name')),
    hostname: someText(cursor.at('hostname')),
    domainname: someText(cursor.at('domainname')),
  }
}

type Process =
  | 'entrypoint'
  | 'command'
  | 'workingDir'
  | 'user'
  | 'groupAdd'
  | 'healthcheck'
  | 'stopSignal'
  | 'stopGraceSeconds'
  | 'init'
  | 'tty'
  | 'stdinOpen'

function readProcess(cursor: Cursor): Pick<ComposeService, Process> {
  return {
    entrypoint: readCommand(cursor.at('entrypoint'), 'entrypoint'),
    command: readCommand(cursor.at('command'), 'command'),
    workingDir: someText(cursor.at('working_dir')),
    user: someText(cursor.at('user')),
    groupAdd: cursor.at('group_add').distinct(),
    healthcheck: readHealthcheck(cursor.at('healthcheck')),
    stopSignal: someText(cursor.at('stop_signal')),
    stopGraceSeconds: cursor.at('stop_grace_period').seconds(),
    init: cursor.at('init').boolean(),
    tty: cursor.at('tty').boolean() ?? false,
    stdinOpen: cursor.at('stdin_open').boolean() ?? false,
  }
}

type Networking = 'ports' | 'expose' | 'extraHosts' | 'dns' | 'dnsSearch' | 'dnsOptions'

function readNetworking(cursor: Cursor): Pick<ComposeService, Networking> {
  return {
    ports: readPorts(cursor.at('ports')),
    expose: readExpose(cursor.at('expose')),
    extraHosts: readExtraHosts(cursor.at('extra_hosts')),
    dns: cursor.at('dns').distinct(),
    dnsSearch: cursor.at('dns_search').distinct(),
    dnsOptions: cursor.at('dns_opt').distinct(),
  }
}

function readRelations(
  cursor: Cursor,
  lenders: readonly VolumeLender[],
): Pick<ComposeService, 'networkMode' | 'networks' | 'links' | 'dependsOn'> {
  const networkMode = readNetworkMode(cursor)
  const links = readLinks(cursor.at('links'))
  const shared = networkMode.kind === 'service' ? [networkMode.name] : []
  return {
    networkMode,
    networks: networkMode.kind === 'networks' ? readNetworks(cursor) : new Map(),
    links,
    dependsOn: readDependsOn(cursor, {
      restarting: [...links.values(), ...shared],
      lending: lenders.map(({ name }) => name),
    }),
  }
}

type Security =
  | 'isReadOnly'
  | 'privileged'
  | 'capAdd'
  | 'capDrop'
  | 'securityOpt'
  | 'sysctls'
  | 'devices'
  | 'pidHost'

function readSecurity(cursor: Cursor): Pick<ComposeService, Security> {
  const sysctls = textMap(cursor.at('sysctls'))
  return {
    isReadOnly: cursor.at('read_only').boolean() ?? false,
    privileged: cursor.at('privileged').boolean() ?? false,
    capAdd: readCapabilities(cursor.at('cap_add')),
    capDrop: readCapabilities(cursor.at('cap_drop')),
    securityOpt: cursor.at('security_opt').distinct(),
    sysctls: new Map([...sysctls].map(([key, { value }]) => [key, value])),
    devices: readDevices(cursor.at('devices')),
    pidHost: readPidHost(cursor),
  }
}

/** An empty text, as of an empty variable, is none. */
function someText(cursor: Cursor): string | undefined {
  const text = cursor.text()
  return text === '' ? undefined : text
}
