import { bad, type Checked, good } from '../../../protocol/fault.ts'
import { accountLinesMax } from './limits.ts'

/** The user and groups of a container's first process. */
export interface Account {
  readonly uid: number
  readonly gid: number
  /** Supplementary groups. */
  readonly groups: readonly number[]
  readonly home: string
}

/** Account files of an image, `/etc/passwd` and `/etc/group`; null where it has none. */
export interface AccountFiles {
  readonly passwd: string | null
  readonly group: string | null
}

interface User {
  readonly name: string
  readonly uid: number
  readonly gid: number
  readonly home: string
}

interface Group {
  readonly name: string
  readonly gid: number
  readonly members: readonly string[]
}

/**
 * Finds the account for `user` or `user:group` in an image, by name or number; empty means root.
 * Without a group, the account has the user's own group and all groups that list the user; a number
 * without an entry has group 0. With a group, it has that group only, as in other tools.
 * `further` groups come on top.
 *
 * Fault: `user-unknown`.
 */
export function accountOf(
  text: string,
  files: AccountFiles,
  further: readonly string[] = [],
): Checked<Account> {
  const account = ownAccountOf(text, files)
  if (!account.ok || further.length === 0) return account
  const known = readGroups(files.group)
  const groups = new Set(account.value.groups)
  for (const each of further) {
    const gid = groupOf(each, known)
    if (!gid.ok) return gid
    groups.add(gid.value)
  }
  return good({ ...account.value, groups: [...groups] })
}

function ownAccountOf(text: string, files: AccountFiles): Checked<Account> {
  const [userText = '', groupText = ''] = text.split(':')
  const user = userOf(userText === '' ? '0' : userText, readUsers(files.passwd))
  if (!user.ok) return user
  const groups = readGroups(files.group)
  const { uid, home, name } = user.value
  if (groupText === '') {
    const joined = groups.filter(({ members }) => name !== '' && members.includes(name))
    return good({ uid, gid: user.value.gid, groups: joined.map(({ gid }) => gid), home })
  }
  const gid = groupOf(groupText, groups)
  return gid.ok ? good({ uid, gid: gid.value, groups: [], home }) : gid
}

function userOf(text: string, users: readonly User[]): Checked<User> {
  const named = users.find(({ name }) => name === text)
  if (named !== undefined) return good(named)
  const uid = idOf(text)
  if (uid === undefined) {
    const shown = JSON.stringify(text.slice(0, 40))
    const message = `the image's /etc/passwd has no user ${shown}: name one that it has, or a number`
    return bad('user-unknown', message)
  }
  return good(users.find((user) => user.uid === uid) ?? { name: '', uid, gid: 0, home: '/' })
}

function groupOf(text: string, groups: readonly Group[]): Checked<number> {
  const gid = groups.find(({ name }) => name === text)?.gid ?? idOf(text)
  if (gid !== undefined) return good(gid)
  const shown = JSON.stringify(text.slice(0, 40))
  const message = `the image's /etc/group has no group ${shown}: name one that it has, or a number`
  return bad('user-unknown', message)
}

/** An id as text; the highest one means none (chown(2)). */
function idOf(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,10}$/.test(text)) return undefined
  return Number(text) < 4_294_967_295 ? Number(text) : undefined
}

/** Lines of an account file in their order. Skips lines that are not entries, as C libraries do. */
function linesOf(text: string | null): readonly (readonly string[])[] {
  const lines = (text ?? '').split('\n', accountLinesMax)
  return lines.map((line) => line.trim().split(':'))
}

function readUsers(text: string | null): readonly User[] {
  return linesOf(text).flatMap(([name = '', , uidText, gidText, , home = '']) => {
    const uid = idOf(uidText)
    const gid = idOf(gidText)
    if (name === '' || uid === undefined || gid === undefined) return []
    return [{ name, uid, gid, home: home.startsWith('/') && !home.includes('\0') ? home : '/' }]
  })
}

function readGroups(text: string | null): readonly Group[] {
  return linesOf(text).flatMap(([name = '', , gidText, members = '']) => {
    const gid = idOf(gidText)
    return name === '' || gid === undefined ? [] : [{ name, gid, members: members.split(',') }]
  })
}
