import {
  applyChange,
  below,
  bytesOf,
  type Files,
  type Folder,
  folderAt,
  type Inode,
  type Tree,
} from './file-tree.ts'

/**
 * Everything that a power cut may leave. POSIX promises a name only after the fsync of its folder,
 * and bytes only after the fsync of the file: of the changes of names any subset is there, a rename
 * whole or not at all; a file that was not fsynced is old, empty, cut off, full of zeros or whole.
 */
export function filesAfterPowerCut(tree: Tree): readonly Files[] {
  let states: Files[] = [new Map()]
  const walk = (path: string): void => {
    const folder = folderAt(tree, path)
    const choices = choicesOf(path, folder)
    states = states.flatMap((files) => choices.map((chosen) => new Map([...files, ...chosen])))
    for (const [name, entry] of folder.seen) {
      if (entry !== 'folder') continue
      // A folder whose own name is not durable may be gone, with all that is in it.
      const without = folder.durable.has(name) ? [] : states
      walk(below(path, name))
      states = [...without, ...states]
    }
  }
  walk('/')
  return [...new Map(states.map((files) => [fingerprint(files), files])).values()]
}

/** The same text for the same files; temporary ones are nobody's and do not count. */
export function fingerprint(files: Files): string {
  const parts = [...files]
    .filter(([path]) => !isTemporary(path))
    .map(([path, bytes]) => `${path}=${bytes.toString('base64')}`)
  return parts.sort().join('\n')
}

function isTemporary(path: string): boolean {
  return path.endsWith('.tmp')
}

/**
 * The possible contents of one folder: each subset of its changes, with each state of each dirty
 * file.
 */
function choicesOf(path: string, folder: Folder): readonly Files[] {
  // That a temporary file is there or not changes nothing: they are there.
  const certain = folder.pending.filter((one) => one.kind === 'link' && isTemporary(one.name))
  const pending = folder.pending.filter((one) => !certain.includes(one))
  const choices: Files[] = []
  for (let mask = 0; mask < 2 ** pending.length; mask++) {
    const names = new Map(folder.durable)
    for (const change of certain) applyChange(names, change)
    for (const [index, change] of pending.entries()) {
      if ((mask >> index) & 1) applyChange(names, change)
    }
    let states: Map<string, Buffer>[] = [new Map()]
    for (const [name, entry] of names) {
      if (entry === 'folder') continue
      const contents = isTemporary(name) ? [Buffer.alloc(1)] : contentsOf(entry)
      states = states.flatMap((files) =>
        contents.map((bytes) => new Map(files).set(below(path, name), bytes)),
      )
    }
    choices.push(...states)
  }
  return choices
}

function contentsOf(inode: Inode): readonly Buffer[] {
  if (!inode.dirty) return [inode.durable]
  const seen = bytesOf(inode)
  return [inode.durable, seen, seen.subarray(0, seen.length / 2), Buffer.alloc(seen.length)]
}
