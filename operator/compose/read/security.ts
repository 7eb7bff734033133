import type { ComposeService } from '../project.ts'
import type { Cursor } from './cursor.ts'

type Devices = ComposeService['devices']

/** Devices of a service; of several at one target the last. */
export function readDevices(list: Cursor): Devices {
  const devices = new Map<string, Devices[number]>()
  for (const item of list.items()) {
    const isMap = item.tree?.kind === 'map'
    const [source = '', target = source, permissions = 'rwm', ...more] = isMap
      ? ['source', 'target', 'permissions'].map((key) => item.at(key).text())
      : (item.text() ?? '').split(':')
    if (/^[^/]+\/[^=/]+=.+$/.test(source)) {
      item.fault(
        'write "gpus: all" for a graphics card, or name the device: /dev/…',
        'compose-refused',
      )
    } else if (!source.startsWith('/') || !target.startsWith('/') || more.length > 0) {
      item.fault('must be SOURCE[:TARGET[:PERMISSIONS]], with absolute paths')
    } else if (!/^[rwm]{1,3}$/.test(permissions)) {
      item.fault('the permissions of a device are some of r, w and m')
    } else devices.set(target, { source, target, permissions, place: item.place })
  }
  return [...devices.values()]
}

/** True if a service sees all processes of its host; other name spaces are refused. */
export function readPidHost(service: Cursor): boolean {
  for (const [key, allowed] of [
    ['ipc', ['private', 'shareable', 'none']],
    ['uts', []],
    ['cgroup', ['private']],
    ['userns_mode', ['host', 'private', 'keep-id']],
    ['isolation', ['default']],
  ] as const) {
    const cursor = service.at(key)
    const text = cursor.text() ?? ''
    if (text !== '' && !(allowed as readonly string[]).includes(text)) {
      cursor.fault(
        'covey gives each container a name space of its own: leave it out',
        'compose-refused',
      )
    }
  }
  const pid = service.at('pid')
  const text = pid.text() ?? ''
  if (text !== '' && text !== 'host') {
    pid.fault('must be host: containers do not share processes', 'compose-refused')
  }
  return text === 'host'
}

/** Capabilities as covey writes them: upper case, with `CAP_`; `ALL` alone. */
export function readCapabilities(list: Cursor): readonly string[] {
  return [...new Set(list.texts().map(capability))]
}

function capability(text: string): string {
  const name = text.trim().toUpperCase()
  return name === 'ALL' || name.startsWith('CAP_') ? name : `CAP_${name}`
}
