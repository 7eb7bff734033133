import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import {
  chmod,
  chown,
  type FileHandle,
  lchown,
  mkdir,
  open,
  opendir,
  readlink,
  rename,
  rmdir,
  symlink,
  unlink,
} from 'node:fs/promises'
import { treeEntriesMax, treePartsMax } from '../../../platform/tree/limits.ts'
import { CoveyError } from '../../../protocol/fault.ts'
import { systemCode } from '../../../protocol/system-reason.ts'
import { copyChunkBytes, oldPartsMax, partMsMax } from './limits.ts'
import { inPlace, type OpenPlace, openIn, openPlace, placePath } from './places.ts'

/** Begin of the names of what is not whole yet; nobody's file has such a name by accident. */
const partPrefix = '.covey-cp-'

/**
 * Makes a folder for what is not whole yet, and opens it. Old ones beside it go: an agent that was
 * killed in the middle of a copy has left them.
 */
export async function makePart(
  folder: OpenPlace,
  nowMs: number = Date.now(),
): Promise<{ name: string; part: OpenPlace }> {
  for (const name of await oldParts(folder, nowMs - partMsMax)) {
    await removeBelow(folder, name).catch(() => undefined)
  }
  const name = partName()
  return { name, part: await makeFolder(inPlace(folder, name)) }
}

function partName(): string {
  return partPrefix + randomBytes(8).toString('hex')
}

async function makeFolder(path: Buffer): Promise<OpenPlace> {
  await mkdir(path, 0o700)
  return openPlace(path, constants.O_NOFOLLOW | constants.O_DIRECTORY)
}

/** Names of parts that nothing was done to since then; other copies, also of other hosts, go on. */
async function oldParts(folder: OpenPlace, sinceMs: number): Promise<readonly string[]> {
  const old: string[] = []
  let looked = 0
  for await (const { name } of await opendir(placePath(folder), { encoding: 'latin1' })) {
    if (++looked > treeEntriesMax || old.length === oldPartsMax) break
    if (!/^\.covey-cp-[0-9a-f]{16}$/.test(name)) continue
    const place = await openIn(folder, name)
    await place?.handle.close()
    if (place !== null && Number(place.stat.ctimeMs) < sinceMs) old.push(name)
  }
  return old
}

/**
 * Gives what was received its place: a name in a folder, at once by one rename where nothing is
 * there or one file is. A folder is merged into a folder, file by file. Throws `cp-in-the-way`.
 */
export async function settle(
  from: OpenPlace,
  name: string,
  folder: OpenPlace,
  target: string,
  depth = 0,
): Promise<void> {
  const source = await openIn(from, name)
  if (source === null) throw new CoveyError('cp-changed', 'the container removed what was copied')
  try {
    const there = await openIn(folder, target)
    try {
      if (source.stat.isDirectory()) {
        if (there === null) return await move(from, name, folder, target, depth)
        if (!there.stat.isDirectory()) throw inTheWay(target, 'is no folder')
        return await merge(source, there, depth + 1)
      }
      if (there?.stat.isDirectory() === true) throw inTheWay(target, 'is a folder')
      return await move(from, name, folder, target, depth)
    } finally {
      await there?.handle.close()
    }
  } finally {
    await source.handle.close()
  }
}

/** Gives all that is in one folder its place in another. Owners and modes of that one stay. */
export async function merge(from: OpenPlace, into: OpenPlace, depth = 0): Promise<void> {
  expectShallow(depth)
  for (const name of await namesIn(from)) await settle(from, name, into, name, depth)
}

/** Removes a name and all below it. */
export async function removeBelow(folder: OpenPlace, name: string, depth = 0): Promise<void> {
  expectShallow(depth)
  const place = await openIn(folder, name)
  if (place === null) return
  try {
    if (!place.stat.isDirectory()) return await unlink(inPlace(folder, name))
    for (const each of await namesIn(place)) await removeBelow(place, each, depth + 1)
    await rmdir(inPlace(folder, name))
  } finally {
    await place.handle.close()
  }
}

/** Each step down holds a folder open, and a container makes them as deep as it likes. */
function expectShallow(depth: number): void {
  if (depth > treePartsMax + 1) throw new CoveyError('tree-too-large', 'its folders are too deep')
}

async function namesIn(folder: OpenPlace): Promise<readonly string[]> {
  const names: string[] = []
  for await (const { name } of await opendir(placePath(folder), { encoding: 'latin1' })) {
    names.push(name)
    if (names.length > treeEntriesMax) {
      throw new CoveyError('tree-too-large', `a folder has more than ${treeEntriesMax} entries`)
    }
  }
  return names
}

function inTheWay(name: string, why: string): CoveyError {
  const text = Buffer.from(name, 'latin1').toString('utf8')
  return new CoveyError('cp-in-the-way', `${text} ${why} in the container`, {
    hint: 'move it away, or copy to another name',
  })
}

async function move(
  from: OpenPlace,
  name: string,
  folder: OpenPlace,
  target: string,
  depth: number,
): Promise<void> {
  try {
    await rename(inPlace(from, name), inPlace(folder, target))
  } catch (error) {
    if (systemCode(error) !== 'EXDEV') throw error
    await copyAcross(from, name, folder, target, depth)
  }
}

/** A part of the tree goes into another mount, as a volume below the folder. */
async function copyAcross(
  from: OpenPlace,
  name: string,
  folder: OpenPlace,
  target: string,
  depth: number,
): Promise<void> {
  const source = await openIn(from, name)
  if (source === null) return
  const { stat } = source
  // A pipe, a socket or a device is nothing to copy; whoever needs one makes it.
  const isCopied = stat.isDirectory() || stat.isSymbolicLink() || stat.isFile()
  if (!isCopied) return await source.handle.close()
  const part = partName()
  const path = inPlace(folder, part)
  try {
    if (stat.isDirectory()) {
      const made = await makeFolder(path)
      try {
        await merge(source, made, depth + 1)
        await chown(placePath(made), Number(stat.uid), Number(stat.gid))
        await chmod(placePath(made), Number(stat.mode) & 0o7777)
      } finally {
        await made.handle.close()
      }
    } else if (stat.isSymbolicLink()) {
      await symlink(await readlink(inPlace(from, name), 'buffer'), path)
      await lchown(path, Number(stat.uid), Number(stat.gid))
    } else if (stat.isFile()) await copyFile(source, path)
    await rename(path, inPlace(folder, target))
  } catch (error) {
    await removeBelow(folder, part).catch(() => undefined)
    throw error
  } finally {
    await source.handle.close()
  }
}

async function copyFile(source: OpenPlace, path: Buffer): Promise<void> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
  const { uid, gid, mode, mtimeMs, size } = source.stat
  const from = await open(placePath(source), constants.O_RDONLY)
  let to: FileHandle | null = null
  try {
    to = await open(path as unknown as string, flags, 0o600)
    // Whoever makes it longer meanwhile would keep this going for ever.
    for (let left = Number(size); left > 0; ) {
      const buffer = Buffer.allocUnsafe(Math.min(left, copyChunkBytes))
      const { bytesRead } = await from.read(buffer, 0, buffer.length)
      if (bytesRead === 0) {
        throw new CoveyError('cp-changed', 'the container shortened what was copied')
      }
      // Writes on until the disk has taken all of it, or says why not.
      await to.writeFile(buffer.subarray(0, bytesRead))
      left -= bytesRead
    }
    await to.chown(Number(uid), Number(gid))
    await to.chmod(Number(mode) & 0o7777)
    await to.utimes(Number(mtimeMs) / 1000, Number(mtimeMs) / 1000)
  } finally {
    await to?.close()
    await from.close()
  }
}
