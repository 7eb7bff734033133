import type { Command, CommandResult } from '../../../reconcilers/host-ports.ts'
import { done, type FakeModel, failed } from './model.ts'

/** `sysctl` on the fake host. */
export function fakeSysctl(model: FakeModel, { args }: Command): CommandResult {
  if (args.includes('-a')) return { ...done, stdout: acceptRa(model) }
  const isOptional = args[0] === '-e'
  const [quiet, write, ...words] = isOptional ? args.slice(1) : args
  if (quiet !== '-q' || write !== '-w') {
    throw new Error(`the fake host does not know: sysctl ${args.join(' ')}`)
  }
  for (const word of words) {
    const [name = '', value] = word.split('=')
    const [, link] = /^net\/ipv[46]\/conf\/([^/]+)\/\w+$/.exec(name) ?? []
    if (link !== undefined && (link === 'all' || model.links.has(link))) {
      model.settings.set(name, Number(value))
    } else if (!isOptional) return failed(`sysctl: cannot stat /proc/sys/${name}: No such file`)
  }
  return done
}

function acceptRa(model: FakeModel): string {
  const names = ['all', 'default', ...model.links.keys()]
  const lines = names.map((name) => {
    const value = model.settings.get(`net/ipv6/conf/${name}/accept_ra`) ?? 1
    return `net.ipv6.conf.${name.replaceAll('.', '/')}.accept_ra = ${value}\n`
  })
  return lines.join('')
}
