import type { Config } from '../../../protocol/documents/config.ts'
import { lintTypes } from '../../../reconcilers/lint.ts'
import { unmetEnds } from '../../../reconcilers/nftables/questions/unmet.ts'
import type { Session } from '../../terminal/session.ts'
import { counted } from '../../terminal/style.ts'

/** Warns of what is valid but hardly intended. Warnings never keep a config from being signed. */
export function warnOfDoubts(session: Session, config: Pick<Config, 'hosts'>): void {
  warnOfUnknownTypes(session, config)
  const [first, ...others] = unmetEnds(config)
  if (first === undefined) return
  session.warn(`${first.path}: ${first.message}${more(others, 'end')}`)
}

/**
 * Warns of objects of types that this version does not have: a mistake in writing, or those of a
 * package that hosts may have (docs/PLUGINS.md). Only hosts can tell.
 */
function warnOfUnknownTypes(session: Session, config: Pick<Config, 'hosts'>): void {
  const [first, ...others] = lintTypes(config)
  if (first === undefined) return
  session.warn(
    `${first.path}: covey itself has no type ${JSON.stringify(first.type)}${more(others, 'object')}; ` +
      'a host without a package for it will say that it knows no such type',
  )
}

function more(others: readonly unknown[], noun: string): string {
  return others.length === 0 ? '' : `, and ${counted(others.length, `more such ${noun}`)}`
}
