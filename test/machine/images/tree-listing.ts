import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Everything that can be told of a path, by what it is called. */
export type Listed = Readonly<Record<string, string>>

/**
 * Lists a tree: path (bytes as latin1) to type, mode, owners, size, time, device, link, names of
 * the same file, attributes and content. `prepare` is shell that runs in a mount namespace of its
 * own before, in which `$1` … are `args`; it must leave the tree at `$TREE`.
 */
export async function listTree(
  prepare: string,
  args: readonly string[],
): Promise<ReadonlyMap<string, Listed>> {
  const script = `set -e; ${prepare}; cd "$TREE"
stat_format='%n\\037%f\\037%u\\037%g\\037%s\\037%.9Y\\037%i\\037%t,%T\\0'
find . -print0 | sort -z | xargs -0 stat --printf "$stat_format"; printf '\\036'
find . -type l -printf '%p\\037%l\\0'; printf '\\036'
find . -type f -print0 | sort -z | xargs -0 sha256sum -z; printf '\\036'
getfattr -R -P -h -d -m - -e hex . 2>/dev/null || true`
  const { stdout } = await run(
    'unshare',
    ['--mount', '--propagation', 'private', '--', 'sh', '-c', script, 'sh', ...args],
    { encoding: 'latin1', maxBuffer: 512 * 1024 * 1024, env: { ...process.env, LC_ALL: 'C' } },
  )
  return parse(stdout)
}

function parse(text: string): ReadonlyMap<string, Listed> {
  const [stats = '', links = '', sums = '', xattrs = ''] = text.split('\x1e')
  const listed = new Map<string, Record<string, string>>()
  const firstOf = new Map<string, string>()
  for (const record of stats.split('\0')) {
    const [
      name = '',
      mode = '',
      uid = '',
      gid = '',
      size = '',
      time = '',
      inode = '',
      device = '',
    ] = record.split('\x1f')
    if (name === '') continue
    const first = firstOf.get(inode) ?? name
    firstOf.set(inode, first)
    const isFolder = mode.startsWith('4')
    listed.set(name, {
      mode,
      owner: `${uid}:${gid}`,
      time,
      device,
      ...(isFolder ? {} : { size, sameFileAs: first }),
    })
  }
  const add = (path: string, key: string, value: string): void => {
    const one = listed.get(path)
    if (one !== undefined) one[key] = value
  }
  for (const record of links.split('\0')) {
    const [path = '', target = ''] = record.split('\x1f')
    add(path, 'link', target)
  }
  for (const record of sums.split('\0')) add(record.slice(66), 'content', record.slice(0, 64))
  for (const block of xattrs.split('\n\n')) {
    const [head = '', ...lines] = block.split('\n')
    const name = head.replace(/^# file: /, '').replace(/\\(\d{3})/g, (_, octal) => {
      return String.fromCharCode(Number.parseInt(octal, 8))
    })
    const kept = lines.filter((line) => line !== '' && !line.startsWith('trusted.overlay.'))
    if (kept.length > 0) add(name === '.' ? '.' : `./${name}`, 'attributes', kept.join(' '))
  }
  return listed
}

/** Each difference between two trees as a line: path, what, here and there. */
export function differences(
  ours: ReadonlyMap<string, Listed>,
  theirs: ReadonlyMap<string, Listed>,
): readonly string[] {
  const lines: string[] = []
  for (const path of [...new Set([...ours.keys(), ...theirs.keys()])].sort()) {
    const [here, there] = [ours.get(path), theirs.get(path)]
    if (here === undefined || there === undefined) {
      lines.push(`${path}: only in ${here === undefined ? 'theirs' : 'ours'}`)
      continue
    }
    for (const key of new Set([...Object.keys(here), ...Object.keys(there)])) {
      if (here[key] === there[key]) continue
      lines.push(`${path}: ${key}: ours ${here[key]}, theirs ${there[key]}`)
    }
  }
  return lines
}
