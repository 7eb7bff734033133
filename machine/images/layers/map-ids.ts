import { refuse, shownPath } from '../../../platform/tar/refuse.ts'
import type { TarEntry } from '../../../platform/tar/tar-entry.ts'
import { mappedIdBase, mappedIds } from '../../../reconcilers/images/mapped-ids.ts'

/**
 * An entry as the users of a user namespace own it: its owner, and the ids within its attributes,
 * as ids of the host. Refuses (`layer-refused`) ids that such a namespace has not.
 */
export function withMappedIds(entry: TarEntry): TarEntry {
  const map = (id: number): number => mappedId(id, entry.path)
  const xattrs = [...entry.xattrs].map(([name, value]) => {
    if (name === 'security.capability') return [name, mappedCapability(value, map)] as const
    return name.startsWith('system.posix_acl_')
      ? ([name, mappedAcl(value, map)] as const)
      : ([name, value] as const)
  })
  // A hard link is named as it was read, from the folder that was read.
  const target = entry.kind === 'hardlink' ? entry.target.replace(/^\.\//, '') : entry.target
  const [uid, gid] = [map(entry.uid), map(entry.gid)]
  return { ...entry, target, uid, gid, xattrs: new Map(xattrs) }
}

function mappedId(id: number, path: string): number {
  if (id < mappedIds) return id + mappedIdBase
  const range = `a user namespace has the ids 0 to ${mappedIds - 1}`
  refuse('layer-refused', `${range}, but ${shownPath(path)} belongs to ${id}`)
}

/** Of `magic_etc` (linux/capability.h): the version, and that what is permitted is effective. */
const versionMask = 0xff000000
const [version1, version3] = [0x01000000, 0x03000000]

/**
 * Capabilities of a file (`vfs_cap_data`, capabilities(7)): version 2 holds on the host alone, and
 * version 3 where the root of the namespace is `rootid`.
 */
function mappedCapability(value: string, map: (id: number) => number): string {
  const old = Buffer.from(value, 'latin1')
  // The kernel has taken it for sound, or the layer would not have been unpacked.
  const magic = old.readUInt32LE(0)
  const version = (magic & versionMask) >>> 0
  const rootId = version === version3 ? old.readUInt32LE(20) : 0
  const next = Buffer.alloc(24)
  next.writeUInt32LE(((magic & ~versionMask) | version3) >>> 0, 0)
  // Version 1 has one word of each set, and the others two.
  old.copy(next, 4, 4, version === version1 ? 12 : 20)
  next.writeUInt32LE(map(rootId), 20)
  return next.toString('latin1')
}

/** Tags of entries of an access control list that name somebody (linux/posix_acl.h). */
const [aclUser, aclGroup] = [0x02, 0x08]

/** Access control lists (`posix_acl_xattr_header`, linux/posix_acl_xattr.h). */
function mappedAcl(value: string, map: (id: number) => number): string {
  const list = Buffer.from(value, 'latin1')
  for (let at = 4; at + 8 <= list.length; at += 8) {
    const tag = list.readUInt16LE(at)
    if (tag !== aclUser && tag !== aclGroup) continue
    list.writeUInt32LE(map(list.readUInt32LE(at + 4)), at + 4)
  }
  return list.toString('latin1')
}
