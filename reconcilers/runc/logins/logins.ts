import type { RegistryLogin } from '../../host-images.ts'
import type { PlanStep } from '../../reconciler.ts'
import type { RuncSpec } from '../spec.ts'

/** Hands over the users of registries. */
export interface LoginsStep extends PlanStep {
  readonly kind: 'logins'
  readonly logins: readonly RegistryLogin[]
}

/**
 * Plans to hand over the users of registries where they are not those that pulls use. An agent that
 * starts knows none, so passwords need not be kept anywhere.
 */
export function planLogins(
  { logins }: RuncSpec,
  { logins: used }: { readonly logins: readonly RegistryLogin[] },
): readonly LoginsStep[] {
  if (JSON.stringify(logins) === JSON.stringify(used)) return []
  return [{ kind: 'logins', logins, objects: logins.map(({ object }) => object) }]
}
