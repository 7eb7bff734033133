import type { ComposeService } from '../project.ts'
import type { Cursor } from './cursor.ts'

type Resources = Pick<
  ComposeService,
  'shmBytes' | 'memoryBytes' | 'memorySwapBytes' | 'cpuMilli' | 'pids' | 'ulimits' | 'wantsGpu'
>

/** Reads the limits of a service; the short keys and those of `deploy` mean the same. */
export function readResources(service: Cursor): Resources {
  const limits = service.at('deploy').at('resources').at('limits')
  const quota = service.at('cpu_quota').integer({ min: -1 })
  const period = service.at('cpu_period').integer() ?? 100_000
  const cpus =
    service.at('cpus').milli() ??
    (quota === undefined || quota <= 0 ? undefined : Math.round((quota * 1000) / period))
  return {
    shmBytes: service.at('shm_size').bytes(),
    memoryBytes: either(
      service.at('mem_limit'),
      (item) => nonZero(item.bytes()),
      limits.at('memory'),
    ),
    memorySwapBytes: swap(service.at('memswap_limit')),
    cpuMilli: nonZero(either(limits.at('cpus'), (item) => nonZero(item.milli()), undefined, cpus)),
    pids: either(service.at('pids_limit'), pidsOf, limits.at('pids')),
    ulimits: readUlimits(service.at('ulimits')),
    wantsGpu: wantsGpu(service),
  }
}

function nonZero(value: number | undefined): number | undefined {
  return value === 0 ? undefined : value
}

/** 0 and -1 are no limit. */
function pidsOf(item: Cursor): number | undefined {
  const pids = item.integer({ min: -1 })
  return pids === undefined || pids <= 0 ? undefined : pids
}

function swap(item: Cursor): number | undefined {
  return item.text() === '-1' ? -1 : nonZero(item.bytes())
}

function either(
  one: Cursor,
  read: (item: Cursor) => number | undefined,
  other: Cursor | undefined,
  known?: number,
): number | undefined {
  const first = read(one)
  const second = other === undefined ? known : read(other)
  if (first !== undefined && second !== undefined && first !== second) {
    const where = other === undefined ? 'cpus' : other.path
    one.fault(`says another limit than ${where}`)
  }
  return first ?? second
}

function readUlimits(cursor: Cursor): ComposeService['ulimits'] {
  const ulimits = new Map<string, { readonly soft: number; readonly hard: number }>()
  for (const [name, item] of cursor.members()) {
    const isMap = item.tree?.kind === 'map'
    const soft = (isMap ? item.at('soft') : item).integer({ min: -1 })
    const hard = (isMap ? item.at('hard') : item).integer({ min: -1 })
    if (soft === undefined || hard === undefined) {
      if (item.isAbsent || isMap) item.fault('must be a number, or {soft: NUMBER, hard: NUMBER}')
    } else if (soft > hard && hard !== -1) item.fault('the soft limit is above the hard one')
    else ulimits.set(name, { soft, hard })
  }
  return ulimits
}

function wantsGpu(service: Cursor): boolean {
  const { tree } = service.at('gpus')
  const reserved = service.at('deploy').at('resources').at('reservations').at('devices').items()
  const isAsked = (item: Cursor): boolean =>
    item
      .at('capabilities')
      .texts()
      .some((capability) => capability === 'gpu')
  return (
    (tree?.kind === 'leaf' && tree.type !== 'null') ||
    (tree?.kind === 'list' && tree.items.length > 0) ||
    reserved.some(isAsked) ||
    service.at('runtime').text() === 'nvidia'
  )
}
