import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'

/**
 * Bundles the two programs into plain JavaScript for those who install covey, and lays out the npm
 * package: `npm run build`, or `node build.ts DIR` to build somewhere else than in `dist`. The
 * bundle needs nothing but Node, so the package has no dependencies and brings no Node of its own.
 * `--bare` leaves out the types for authors of reconcilers, which take longer than all else.
 */
const root = import.meta.dirname
const words = process.argv.slice(2)
const isBare = words.includes('--bare')
const [outFolder = join(root, 'dist'), ...more] = words.filter((word) => word !== '--bare')
if (outFolder.startsWith('-') || more.length > 0) {
  process.stderr.write('build: usage: node build.ts [--bare] [DIR]\n')
  process.exit(2)
}
const packageFolder = join(outFolder, 'package')

/** Some of what is bundled is CommonJS and asks for Node's own modules by `require`. */
const banner = `import { createRequire as requireFrom } from 'node:module'
const require = requireFrom(import.meta.url)`

/** Gives the names of the packages that went into the bundle. */
async function bundle(): Promise<readonly string[]> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: {
      agent: 'agent/main.ts',
      operator: 'operator/main.ts',
      // A thread of the agent begins in a file of its own.
      'unpack-thread': 'machine/images/unpack/unpack-thread.ts',
      testing: 'test/reconcilers/kit.ts',
    },
    outdir: outFolder,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    // What only the agent imports, libp2p above all, stays out of the operator's start.
    splitting: true,
    chunkNames: '[name]-[hash]',
    sourcemap: 'linked',
    sourcesContent: false,
    legalComments: 'none',
    // A fifth less to read at every start. Names stay, for the stacks of --debug and profiles.
    minifyWhitespace: true,
    minifySyntax: true,
    metafile: true,
    logLevel: 'warning',
    banner: { js: banner },
  })
  const packages = new Set<string>()
  for (const path of Object.keys(metafile.inputs)) {
    const [, name] = /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path) ?? []
    if (name !== undefined) packages.add(name)
  }
  return [...packages].sort()
}

function readJson(path: string): Record<string, unknown> {
  return JSON.parse(readFileSync(path, 'utf8'))
}

/** What the authors of the bundled packages ask to be passed on. */
function licences(packages: readonly string[]): string {
  return packages
    .map((name) => {
      const folder = join(root, 'node_modules', name)
      const { version, license } = readJson(join(folder, 'package.json'))
      const texts = readdirSync(folder)
        .filter((file) => /^licen[cs]e/i.test(file))
        .map((file) => readFileSync(join(folder, file), 'utf8').trim())
      return [`## ${name} ${version} (${license})`, ...texts].join('\n\n')
    })
    .join('\n\n')
}

function layOutPackage(packages: readonly string[]): void {
  const { name, version, description, license, type, bin, engines } = readJson(
    join(root, 'package.json'),
  )
  // What authors of reconcilers import (docs/PLUGINS.md).
  const exports = {
    './reconciler': { types: './types/reconcilers/plugin.d.ts' },
    './testing': { types: './types/test/reconcilers/kit.d.ts', default: './dist/testing.js' },
  }
  const common = { name, version, description, license, type, bin, exports, engines }
  const manifest = { ...common, os: ['linux'] }
  mkdirSync(join(packageFolder, 'bin'), { recursive: true })
  mkdirSync(join(packageFolder, 'dist'))
  writeFileSync(join(packageFolder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
  writeFileSync(join(packageFolder, 'THIRD-PARTY.md'), `${licences(packages)}\n`)
  const launcher = join(packageFolder, 'bin/covey')
  copyFileSync(join(root, 'bin/covey'), launcher)
  chmodSync(launcher, 0o755)
  for (const unit of ['covey.service', 'covey-guard.service']) {
    copyFileSync(join(root, 'packaging', unit), join(packageFolder, unit))
  }
  for (const file of ['README.md', 'LICENSE']) {
    if (existsSync(join(root, file))) copyFileSync(join(root, file), join(packageFolder, file))
  }
  for (const file of readdirSync(outFolder)) {
    if (file.endsWith('.js')) {
      copyFileSync(join(outFolder, file), join(packageFolder, 'dist', file))
    }
  }
}

/** Writes the types that authors of reconcilers check theirs against. */
function writeTypes(): void {
  const project = join(root, 'packaging/tsconfig.types.json')
  const folder = join(packageFolder, 'types')
  execFileSync(join(root, 'node_modules/.bin/tsc'), ['-p', project, '--outDir', folder], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, NODE_COMPILE_CACHE: join(root, '.build/compile-cache') },
  })
}

rmSync(outFolder, { recursive: true, force: true })
layOutPackage(await bundle())
if (!isBare) writeTypes()
