import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { must } from '../lab/processes.ts'
import { withLock } from './lock.ts'

const cache = join(import.meta.dirname, '../../.build/images')
const debootstrapMsMax = 600_000

/**
 * Gives the folder that `build` fills, made once for each recipe and kept in `.build` for later
 * runs; several processes that want it at a time wait for one to build it. The recipe is all that
 * the content depends on, beside the machine's package sources.
 */
export async function cachedFolder(
  name: string,
  recipe: unknown,
  build: (folder: string) => Promise<void>,
): Promise<string> {
  const sources = await packageSources()
  const key = createHash('sha256').update(JSON.stringify({ recipe, sources })).digest('hex')
  const folder = join(cache, `${name}-${key.slice(0, 12)}`)
  if (existsSync(folder)) return folder
  await mkdir(cache, { recursive: true })
  await withLock(`${folder}.lock`, async () => {
    if (existsSync(folder)) return
    const unfinished = await mkdtemp(`${folder}-unfinished-`)
    try {
      await build(unfinished)
      await rename(unfinished, folder)
    } finally {
      await rm(unfinished, { recursive: true, force: true })
    }
  })
  return folder
}

/**
 * Makes a root file system of Debian packages: a folder, or an archive if `target` ends in .tar.
 */
export async function debootstrap(packages: readonly string[], target: string): Promise<void> {
  const { suite, lines } = await packageSources()
  const options = ['--variant=minbase', `--include=${packages.join(',')}`, '--quiet']
  const args = [...options, suite, target, ...lines]
  await must('mmdebstrap', args, { timeoutMs: debootstrapMsMax })
}

/**
 * Where this machine gets Debian from, as lines of sources.list: a mirror that it must use is used
 * here as well. Where that cannot be told the lines are empty, and mmdebstrap takes its default.
 */
async function packageSources(): Promise<{ suite: string; lines: readonly string[] }> {
  const release = readFileSync('/etc/os-release', 'utf8')
  const suite = /^VERSION_CODENAME=(\w+)$/m.exec(release)?.[1]
  if (suite === undefined || !/^ID=debian$/m.test(release)) return { suite: 'bookworm', lines: [] }
  const format = '$(LABEL) $(REPO_URI) $(RELEASE) $(COMPONENT)'
  const args = ['indextargets', '--format', format, 'Created-By: Packages']
  const stdout = await must('apt-get', args)
  const lines = stdout.split('\n').flatMap((line) => {
    const [, uri, name] = /^Debian\S* (\S+) (\S+) main$/.exec(line) ?? []
    return uri === undefined ? [] : [`deb ${uri} ${name} main`]
  })
  return { suite, lines: [...new Set(lines)].sort() }
}
