import { serviceLabels } from '../../../protocol/api/containers.ts'
import { entriesMax, labelCharactersMax } from '../../../reconcilers/runc/bundle/limits.ts'
import { looksSecret } from '../../compose/texts/secret-names.ts'
import type { Member } from '../services/members.ts'
import type { Replica } from '../services/placement.ts'
import { isSecretIn } from './secret-words.ts'

/** Labels of proxies that hold password hashes. */
const holdsPasswords = /(auth|users?|htpasswd)$/i

/** The labels of a container: covey's own, and those of the Compose file that may be seen. */
export function labelsOf({ member, number }: Replica): Readonly<Record<string, string>> {
  const own = { [serviceLabels.service]: member.label }
  const all = number === 1 ? own : { ...own, [serviceLabels.replica]: String(number) }
  return { ...Object.fromEntries(plainLabels(member)), ...all }
}

/**
 * The labels of a service that stand in the config: none with a value of the project's variables or
 * what looks like a secret, as every member reads these; none too large for an object.
 */
function plainLabels({ stack, service }: Member): readonly (readonly [string, string])[] {
  const labels = [...service.labels].flatMap(([name, { value, isSensitive }]) => {
    const isOwn = name === '' || name.startsWith('covey.')
    const isLong = Math.max(name.length, value.length) > labelCharactersMax
    const isSecret = looksSecret(name, value) || holdsPasswords.test(name)
    const isHidden = isSensitive || isSecret || isSecretIn(stack.project, value)
    return isOwn || isLong || isHidden ? [] : [[name, value] as const]
  })
  return labels.sort(([a], [b]) => (a < b ? -1 : 1)).slice(0, entriesMax - 2)
}
