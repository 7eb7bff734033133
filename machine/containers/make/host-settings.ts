import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { CoveyError } from '../../../protocol/fault.ts'
import { hostSettingFault } from '../../../reconcilers/runc/bundle/host-settings.ts'

/**
 * Sets what a container asks of the host's own kernel (proc(5), `/proc/sys`), which the host grants
 * by name. A value that is there already is not written. Error: `container-create`.
 */
export function setHostSettings(
  settings: Readonly<Record<string, string>>,
  root = '/proc/sys',
): void {
  for (const [name, value] of Object.entries(settings)) {
    const fault = hostSettingFault(name)
    if (fault !== undefined) throw new CoveyError('container-create', `sysctls ${name}: ${fault}`)
    const path = join(root, ...name.split('.'))
    try {
      const words = readFileSync(path, 'utf8').trim().split(/\s+/).join(' ')
      if (words !== value.trim().split(/\s+/).join(' ')) writeFileSync(path, value)
    } catch (cause) {
      const message = `sysctls ${name}: the kernel of this host does not take ${JSON.stringify(value)}`
      throw new CoveyError('container-create', message, { cause })
    }
  }
}
