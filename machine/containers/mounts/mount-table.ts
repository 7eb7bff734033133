/** One mount of a mount namespace (proc(5), `mountinfo`). Paths are bytes, one to a character. */
export interface MountEntry {
  readonly id: number
  readonly parent: number
  /** The visible part of a file system. */
  readonly area: Area
  /** Mount point, from the root of the process that asks. */
  readonly point: string
  /** Of the mount itself, not of its file system: `ro`, `nosuid`. */
  readonly options: ReadonlySet<string>
  readonly type: string
}

/** A part of one file system. No link and no other mount changes what an area is. */
export interface Area {
  /** Number of the file system, as `254:0`. */
  readonly device: string
  /** Path from the top of that file system. */
  readonly root: string
}

/** Reads a table of mounts. The text is latin1: a path may hold any bytes. */
export function parseMountTable(text: string): readonly MountEntry[] {
  return text.split('\n').flatMap((line) => {
    const words = line.split(' ')
    const [id, parent, device, root, point, options] = words
    const type = words[words.indexOf('-', 6) + 1]
    if (device === undefined || root === undefined || point === undefined) return []
    return [
      {
        id: Number(id),
        parent: Number(parent),
        area: { device, root: plain(root) },
        point: plain(point),
        options: new Set(options?.split(',')),
        type: type ?? '',
      },
    ]
  })
}

/** The kernel writes white space and the backslash as three octal digits. */
function plain(text: string): string {
  if (!text.includes('\\')) return text
  return text.replace(/\\([0-7]{3})/g, (_, digits) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  )
}

/** True if two areas are the same one. */
export function isSameArea(one: Area, other: Area): boolean {
  return one.device === other.device && one.root === other.root
}

/** The part of `path` below `folder`: empty for the folder itself; undefined if it is outside. */
export function restBelow(path: string, folder: string): string | undefined {
  const top = folder === '/' ? '' : folder
  if (path === folder) return ''
  return path.startsWith(`${top}/`) ? path.slice(top.length) : undefined
}

/** A path that `restBelow` has taken apart. */
export function withRest(folder: string, rest: string): string {
  return rest === '' ? folder : `${folder === '/' ? '' : folder}${rest}`
}

/** True if one of two areas lies in the other, or is it. */
export function doOverlap(one: Area, other: Area): boolean {
  if (one.device !== other.device) return false
  return (
    restBelow(one.root, other.root) !== undefined || restBelow(other.root, one.root) !== undefined
  )
}

/** Text of a path that people wrote as the bytes of a mount table. */
export function bytesOf(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1')
}

/** Bytes of a mount table as text for people. */
export function tableText(bytes: string): string {
  return Buffer.from(bytes, 'latin1').toString('utf8')
}
