import { posix } from 'node:path'
import { remoteAnswerMsMax, remoteFileBytesMax, remoteLooksMax } from '../limits.ts'
import { type RemoteShell, wordGroups } from '../ssh/remote-shell.ts'
import { Failure } from '../terminal/failure.ts'

/** The entry at a path of a host. */
interface RemoteFound {
  /**
   * `outside`: it is reached by a link that leads out of the folder; `closed`: it may not be read.
   */
  readonly kind: 'file' | 'folder' | 'other' | 'absent' | 'outside' | 'closed'
  /** Permission bits. */
  readonly mode: number
  readonly uid: number
  readonly bytes: number
}

/** A file that was read, with what is in it. */
interface RemoteFile extends RemoteFound {
  readonly kind: 'file'
  readonly content: Buffer
}

/** Files below one folder of a host; nothing of them is ever changed. */
export interface RemoteFolder {
  /** Absolute, as it was named. */
  readonly root: string
  /**
   * Reads a file. What leads out of the folder by a link is not read: whoever may write there could
   * have put root's files into the operator's folder.
   */
  read(path: string): Promise<RemoteFile | RemoteFound>
  /** Looks at several paths; answers in their order. */
  look(paths: readonly string[]): Promise<readonly RemoteFound[]>
}

const inRoot = 'root=$(cd -P -- "$1" 2>/dev/null && pwd -P) || { echo noroot; exit 0; }'

/** `$1` the folder, `$2` the file, `$3` bytes at most. The opened file is judged, not its name. */
const readScript = `${inRoot}
[ -e "$2" ] || { [ -L "$2" ] && echo outside || echo absent; exit 0; }
[ -f "$2" ] || { [ -d "$2" ] && echo folder || echo other; exit 0; }
{
  case "$(readlink /proc/self/fd/3)" in
  "$root"/*) stat -L -c "file %a %u %s" /proc/self/fd/3 && head -c "$3" <&3 ;;
  *) echo outside ;;
  esac
} 3<"$2" 2>/dev/null || echo closed`

/** `$1` the folder, then paths; a line each. */
const lookScript = `${inRoot}
named=$1
shift
for path; do
  kind=other
  [ -f "$path" ] && kind=file
  [ -d "$path" ] && kind=folder
  [ -e "$path" ] || { [ -L "$path" ] && echo outside || echo absent; continue; }
  case "$(readlink -f -- "$path")" in
  "$root"|"$root"/*) ;;
  *) case $path in "$root"/*|"$named"/*) kind=outside ;; esac ;;
  esac
  stat -L -c "$kind %a %u %s" -- "$path" 2>/dev/null || echo closed
done`

/** Opens a folder of a host. Throws `Failure` `no-such-folder`, and as `shell.run`. */
export async function openRemoteFolder(shell: RemoteShell, root: string): Promise<RemoteFolder> {
  const folder: RemoteFolder = {
    root,
    async read(path) {
      if (isTooLong(path)) return absent
      const bounds = { bytesMax: remoteFileBytesMax + 256, msMax: remoteAnswerMsMax }
      const max = String(remoteFileBytesMax + 1)
      const { out } = await shell.run(readScript, [root, path, max], bounds)
      const end = out.indexOf(10)
      const found = foundIn(shell, root, out.subarray(0, end === -1 ? undefined : end).toString())
      if (found.kind !== 'file') return found
      return { ...found, kind: 'file', content: out.subarray(end + 1) }
    },
    async look(paths) {
      if (paths.length === 0) return []
      if (paths.length > remoteLooksMax) {
        throw new Failure(1, 'remote-too-much', `more than ${remoteLooksMax} paths are mounted`)
      }
      const bounds = { bytesMax: 128 * paths.length + 256, msMax: remoteAnswerMsMax }
      const found = new Map<string, RemoteFound>()
      for (const group of wordGroups(paths.filter((path) => !isTooLong(path)))) {
        const { out } = await shell.run(lookScript, [root, ...group], bounds)
        const lines = out.toString().split('\n')
        for (const [index, path] of group.entries()) {
          found.set(path, foundIn(shell, root, lines[index] ?? ''))
        }
      }
      return paths.map((path) => found.get(path) ?? absent)
    },
  }
  const [found] = await folder.look([root])
  if (found?.kind === 'folder') return folder
  throw noFolder(shell, root)
}

const absent: RemoteFound = { kind: 'absent', mode: 0, uid: 0, bytes: 0 }

/** True for a path that no file of Linux can have. */
function isTooLong(path: string): boolean {
  return Buffer.byteLength(path) >= 4096
}

/** True if a path is below another one, or that itself; both are normal. */
export function isBelow(root: string, path: string): boolean {
  return path === root || path.startsWith(`${root === '/' ? '' : root}/`)
}

/** An absolute path without `.`, `..`, double and final slashes; undefined where it is none. */
export function cleanPath(text: string): string | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what no path here may hold.
  if (!text.startsWith('/') || /[\u0000-\u001f\u007f]/.test(text)) return undefined
  return posix.normalize(text).replace(/(?<=.)\/$/, '')
}

function foundIn(shell: RemoteShell, root: string, line: string): RemoteFound {
  if (line === 'noroot') throw noFolder(shell, root)
  const shape = /^(file|folder|other|outside) ([0-7]{1,5}) (\d{1,10}) (\d{1,16})$/
  const [, kind, mode = '', uid, bytes] = shape.exec(line) ?? []
  if (kind !== undefined) {
    const known = kind as RemoteFound['kind']
    return {
      kind: known,
      mode: Number.parseInt(mode, 8) & 0o777,
      uid: Number(uid),
      bytes: Number(bytes),
    }
  }
  const plain = (['absent', 'outside', 'folder', 'other', 'closed'] as const).find(
    (each) => each === line,
  )
  if (plain !== undefined) return { kind: plain, mode: 0, uid: 0, bytes: 0 }
  throw new Failure(1, 'remote-broken', `${shell.name} answers in an unknown form`, {
    hint: 'it needs sh, stat, head and readlink',
  })
}

function noFolder(shell: RemoteShell, root: string): Failure {
  return new Failure(2, 'no-such-folder', `there is no folder ${root} on ${shell.name}`, {
    hint: 'name the folder of the Compose project: covey stack import root@pi:/opt/immich',
  })
}
