import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { gunzip } from 'node:zlib'
import type { CommandRunner } from '../../reconcilers/host-ports.ts'
import { changelogBytesMax } from '../limits.ts'
import type { Check } from './doctor.ts'
import { closedByPackage, escapesOf, parseRuncVersion, releaseWithout } from './runc-escapes.ts'

const changelogFile = '/usr/share/doc/runc/changelog.Debian.gz'

/** The changelog of Debian's package, or null where there is none. */
export async function readPackageChangelog(): Promise<string | null> {
  try {
    const packed = await readFile(changelogFile)
    const text = await promisify(gunzip)(packed, { maxOutputLength: changelogBytesMax })
    return text.toString('utf8')
  } catch {
    return null
  }
}

/**
 * Says which known escapes the runc of this host has. The number of a release does not tell that
 * alone: distributions close them in older releases, and Debian's changelog names those. Says no
 * more than these two tell.
 */
export async function checkRunc(
  run: CommandRunner,
  changelog: () => Promise<string | null>,
): Promise<readonly Check[]> {
  const result = await run(
    { tool: 'runc', args: ['--version'] },
    new AbortController().signal,
  ).catch(() => null)
  // Whether it is there at all is said of the tools.
  if (result === null || result.exitCode !== 0) return []
  const version = parseRuncVersion(result.stdout)
  const check = (state: Check['state'], message: string, hint: string | null): Check => {
    return { name: 'runc', state, message, hint }
  }
  if (version === null) {
    const message = 'cannot tell the version of runc, nor its known container escapes'
    return [check('warning', message, 'check it: runc --version')]
  }
  const ids = escapesOf(version)
  const name = `runc ${version.commit.startsWith(version.release) ? version.commit : version.release}`
  const fine = check('ok', `${name} has no container escape that this covey knows of`, null)
  if (ids.length === 0) return [fine]
  const text = await changelog()
  const closed = text === null ? null : closedByPackage(version, text, ids)
  const open = closed === null ? ids : ids.filter((id) => !closed.includes(id))
  if (open.length === 0) return [fine]
  const known = `known container escapes: ${open.join(', ')}`
  const hint = `update it, or install a release of ${releaseWithout(open)} or later; until then, run only images that you trust`
  if (closed !== null) {
    return [check('warning', `${name} has ${known}; its changelog lists no fix for them`, hint)]
  }
  const doubt = 'covey cannot tell whether its distribution has fixed them'
  return [check('warning', `${name} is built from a release with ${known}; ${doubt}`, hint)]
}
