import { type PublicJwk, parseRoot, type Role, type Root } from '../../protocol/documents/root.ts'
import { bad, type Checked, good } from '../../protocol/fault.ts'

/** A role of a root document: who signs root documents, or who signs configs. */
export type RoleName = 'root' | 'config'

/** Both roles of a root that is to be. */
export type Roles = Readonly<Record<RoleName, Role>>

/** Thresholds that are asked for, by role. */
export type Thresholds = Readonly<Partial<Record<RoleName, number>>>

/** A public key and its thumbprint. */
export interface NamedKey {
  readonly name: string
  readonly kid: string
  readonly jwk: PublicJwk
}

/** The roles of a root, ready to be changed. */
export function rolesOf(root: Root): Roles {
  return { root: root.root, config: root.config }
}

/** Adds an operator to some roles. Faults: `operator-known`, `name-taken`. */
export function withOperator(
  roles: Roles,
  key: NamedKey,
  names: readonly RoleName[],
): Checked<Roles> {
  for (const role of [roles.root, roles.config]) {
    const other = Object.entries(role.keys).find(([kid, { name }]) => {
      return name === key.name && kid !== key.kid
    })
    if (other !== undefined) {
      return bad(
        'name-taken',
        `"${key.name}" is the name of another key (${other[0].slice(0, 8)}…)`,
      )
    }
  }
  const wanted = names.filter((name) => !Object.hasOwn(roles[name].keys, key.kid))
  if (wanted.length === 0) return bad('operator-known', `this key already has these roles`)
  const changed: Record<RoleName, Role> = { ...roles }
  for (const name of wanted) {
    const keys = { ...roles[name].keys, [key.kid]: { name: key.name, jwk: key.jwk } }
    changed[name] = { ...roles[name], keys }
  }
  return good(changed)
}

/** Takes an operator, by name or kid, out of some roles. Fault: `no-such-operator`. */
export function withoutOperator(
  roles: Roles,
  operator: string,
  names: readonly RoleName[],
): Checked<Roles> {
  const changed: Record<RoleName, Role> = { ...roles }
  for (const role of names) {
    const kept = Object.entries(roles[role].keys).filter(([kid, { name }]) => {
      return name !== operator && kid !== operator
    })
    changed[role] = { ...roles[role], keys: Object.fromEntries(kept) }
  }
  const count = (one: Roles): number => names.flatMap((name) => Object.keys(one[name].keys)).length
  if (count(changed) < count(roles)) return good(changed)
  return bad(
    'no-such-operator',
    `there is no key of "${operator}", only of ${namesIn(roles).join(', ')}`,
  )
}

/** Puts a key in the place of another, in every role that the other has. */
export function withReplacement(roles: Roles, oldKid: string, key: NamedKey): Roles {
  const replaced = (role: Role): Role => ({
    ...role,
    keys: Object.fromEntries(
      Object.entries(role.keys).map(([kid, entry]) =>
        kid === oldKid ? [key.kid, { name: entry.name, jwk: key.jwk }] : [kid, entry],
      ),
    ),
  })
  return { root: replaced(roles.root), config: replaced(roles.config) }
}

/** Sets thresholds. */
export function withThresholds(roles: Roles, thresholds: Thresholds): Roles {
  return {
    root: { ...roles.root, threshold: thresholds.root ?? roles.root.threshold },
    config: { ...roles.config, threshold: thresholds.config ?? roles.config.threshold },
  }
}

/** Names of everyone in either role, sorted. */
export function namesIn(roles: Roles): readonly string[] {
  const all = [roles.root, roles.config].flatMap((role) => Object.values(role.keys))
  return [...new Set(all.map(({ name }) => name))].sort()
}

/**
 * Text of the root that follows `before`. `previous` are the digests of what it follows: two where
 * it settles a fork. Faults: those of `parseRoot`.
 */
export function nextRootText(
  before: Root,
  roles: Roles,
  previous: readonly string[],
): Checked<string> {
  const [only] = previous
  const text = JSON.stringify({
    epoch: before.epoch + 1,
    previous: previous.length === 1 ? only : previous,
    cluster: before.cluster,
    ...roles,
  })
  const parsed = parseRoot(text)
  return parsed.ok ? good(text) : parsed
}

/** The changes of a root, one sentence each; for whoever is asked to sign it. */
export function changesIn(before: Roles, after: Roles): readonly string[] {
  const says: readonly (readonly [RoleName, string])[] = [
    ['config', 'configs'],
    ['root', 'root documents'],
  ]
  return says.flatMap(([name, signs]) => {
    const [old, now] = [before[name], after[name]]
    const added = Object.entries(now.keys).filter(([kid]) => !Object.hasOwn(old.keys, kid))
    const gone = Object.entries(old.keys).filter(([kid]) => !Object.hasOwn(now.keys, kid))
    const keyText = ([kid, { name: who }]: (typeof added)[number]): string =>
      `${who} (${kid.slice(0, 8)}…)`
    return [
      ...added.map((entry) => `${keyText(entry)} may sign ${signs}`),
      ...gone.map((entry) => `${keyText(entry)} may no longer sign ${signs}`),
      ...(old.threshold === now.threshold
        ? []
        : [`${now.threshold} keys must sign ${signs}, before ${old.threshold}`]),
    ]
  })
}
