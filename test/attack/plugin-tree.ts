import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadPlugins } from '../../agent/plugins/load.ts'
import type { Attack, AttackEnd } from './attack.ts'

const own = { types: new Set(['agent']), names: new Set(['wireguard']) }
const nobody = 65_534

/**
 * Places below the folder of settings that a careless installation left open, and what to write.
 */
const openings: readonly (readonly [open: string, file: string])[] = [
  ['node_modules/acme/lib', 'node_modules/acme/lib/part.js'],
  ['node_modules/acme/node_modules/dep', 'node_modules/acme/node_modules/dep/index.js'],
  ['node_modules/hoisted', 'node_modules/hoisted/index.js'],
  ['node_modules/unnamed', 'node_modules/unnamed/index.js'],
  ['node_modules', 'node_modules/hoisted/index.js'],
]

function install(folder: string, marks: string): void {
  const write = (path: string, text: string): void => {
    mkdirSync(join(folder, path, '..'), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  const covey = { interface: 1, types: ['acme_thing'] }
  const acme = { name: 'acme', type: 'module', exports: './index.js', covey }
  const dependencies = { dep: '1', hoisted: '1' }
  write('node_modules/acme/package.json', JSON.stringify({ ...acme, dependencies }))
  write(
    'node_modules/acme/index.js',
    `import './lib/part.js'
for (const name of ['dep', 'hoisted', 'unnamed']) await import(name)
export const reconciler = {
  name: 'acme', types: { acme_thing: { safeParse: () => ({ success: true }) } },
  resolve() {}, observe() {}, judge() {}, plan() {}, apply() {}, describe() {},
}`,
  )
  write('node_modules/acme/lib/part.js', '')
  for (const place of ['acme/node_modules/dep', 'hoisted', 'unnamed']) {
    const manifest = { name: place, type: 'module', exports: './index.js' }
    write(`node_modules/${place}/package.json`, JSON.stringify(manifest))
    write(`node_modules/${place}/index.js`, '')
  }
  mkdirSync(marks)
  chmodSync(marks, 0o777)
}

/**
 * Acts as a user without rights: puts another file in the place of one that only root may write.
 */
function plant(folder: string, file: string, mark: string): void {
  const code = `import { writeFileSync } from 'node:fs'; writeFileSync('${mark}', 'ran')`
  const script =
    'rm -f "$1" 2>/dev/null || mv "$(dirname "$1")" "$(dirname "$1").old"; mkdir -p "$(dirname "$1")"; cp "$2" "$1"; cp "$3" "$(dirname "$1")/package.json" 2>/dev/null || true'
  const planted = `${mark}.js`
  writeFileSync(planted, code)
  const manifest = `${mark}.json`
  writeFileSync(manifest, '{"name": "x", "type": "module", "exports": "./index.js"}')
  const args = ['-c', script, 'sh', join(folder, file), planted, manifest]
  execFileSync('sh', args, { uid: nobody, gid: nobody, stdio: 'ignore' })
}

async function run(): Promise<AttackEnd> {
  const top = mkdtempSync(join(tmpdir(), 'covey-attack-plugins-'))
  chmodSync(top, 0o755)
  let ran = 0
  try {
    for (const [index, [open, file]] of openings.entries()) {
      // A folder of its own for each: Node keeps a module that it has loaded.
      const folder = join(top, `etc-${index}`)
      const marks = join(top, `marks-${index}`)
      install(folder, marks)
      chmodSync(join(folder, open), 0o777)
      const mark = join(marks, 'ran')
      plant(folder, file, mark)
      await loadPlugins({ names: ['acme'], folder, own })
      if (existsSync(mark)) ran++
    }
    const seen = `${openings.length} modules were written by nobody, ${ran} of them ran as root`
    return { held: ran === 0, seen }
  } finally {
    rmSync(top, { recursive: true })
  }
}

/**
 * A local user writes a module that a package of a reconciler imports (THREATS.md, local users).
 */
export const pluginTree: Attack = {
  name: 'plugin-tree',
  from: 'a local user, beside a package with an open folder',
  wants: 'code of its own to run as root in the agent',
  run,
}
