import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { TestContext } from 'node:test'

/** An ssh that reaches this machine, and the folders that stand for those of a host. */
export interface FakeHost {
  /** For commands that shall use it. */
  readonly env: Readonly<Record<string, string>>
  /** Folder below which all of the host's files of the test lie. */
  readonly root: string
  path(name: string): string
  write(name: string, content: string | Uint8Array, mode?: number): Promise<string>
  /** Puts a program in front of those of this machine. */
  program(name: string, script: string): Promise<void>
}

/**
 * Connections are made at once, sessions run their command here. Names that begin with `away` are
 * not reached.
 */
const sshScript = `#!/bin/sh
for last; do :; done
case "$*" in
*' -O '*) exit 0 ;;
'-f -N '*)
  case $last in away*) echo "ssh: connect: Connection refused" >&2; exit 255 ;; esac
  exit 0 ;;
esac
exec sh -c "$last"
`

/** Makes such a host, which is gone after the test. */
export async function fakeHost(context: TestContext): Promise<FakeHost> {
  const base = await mkdtemp(join(tmpdir(), 'covey-fake-host-'))
  context.after(() => rm(base, { recursive: true, force: true }))
  const bin = join(base, 'bin')
  const root = join(base, 'host')
  await mkdir(bin)
  await mkdir(root)
  const program = async (name: string, script: string): Promise<void> => {
    await writeFile(join(bin, name), script)
    await chmod(join(bin, name), 0o755)
  }
  await program('ssh', sshScript)
  // As the shell says it of a program that is not there.
  await program('docker', '#!/bin/sh\nexit 127\n')
  const path = (name: string): string => join(root, name)
  return {
    env: { PATH: `${bin}:${process.env['PATH']}`, TMPDIR: base, HOME: base },
    root,
    path,
    program,
    async write(name, content, mode = 0o644) {
      await mkdir(dirname(path(name)), { recursive: true })
      await writeFile(path(name), content)
      await chmod(path(name), mode)
      return path(name)
    },
  }
}
