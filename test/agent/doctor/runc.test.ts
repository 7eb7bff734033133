import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { examine } from '../../../agent/doctor/doctor.ts'
import { escapesOf, parseRuncVersion } from '../../../agent/doctor/runc-escapes.ts'

const procfs = ['CVE-2025-31133', 'CVE-2025-52565', 'CVE-2025-52881']

/** Releases by the escapes that they have, after the advisories. */
const releases: readonly (readonly [string, readonly string[]])[] = [
  ['1.0.0-rc6', ['CVE-2019-5736', 'CVE-2021-30465', ...procfs, 'CVE-2026-41579']],
  ['1.0.0-rc94', ['CVE-2021-30465', 'CVE-2024-21626', ...procfs, 'CVE-2026-41579']],
  ['1.0.0', ['CVE-2024-21626', ...procfs, 'CVE-2026-41579']],
  ['1.1.5+ds1', ['CVE-2024-21626', ...procfs, 'CVE-2026-41579']],
  ['1.1.11', ['CVE-2024-21626', ...procfs, 'CVE-2026-41579']],
  ['1.1.12', [...procfs, 'CVE-2026-41579']],
  ['1.2.7', [...procfs, 'CVE-2026-41579']],
  ['1.2.8', ['CVE-2026-41579']],
  ['1.3.2', [...procfs, 'CVE-2026-41579']],
  ['1.3.3', ['CVE-2026-41579']],
  ['1.3.6', []],
  ['1.4.0-rc.2', [...procfs, 'CVE-2026-41579']],
  ['1.4.0-rc.3', ['CVE-2026-41579']],
  ['1.4.3', []],
  ['1.5.0-rc.2', ['CVE-2026-41579']],
  ['1.5.0', []],
  ['2.0.0', []],
]

async function said(output: string, changelog: string | null): Promise<readonly string[]> {
  const checks = await examine({
    host: 'h1',
    adopted: () => null,
    packageChangelog: async () => changelog,
    run: async ({ tool }) => ({ exitCode: tool === 'runc' ? 0 : 1, stdout: output, stderr: '' }),
  })
  return checks.filter(({ name }) => name === 'runc').map((one) => `${one.state}: ${one.message}`)
}

const debian = (version: string): string =>
  `runc version ${version.replace(/-.*$/, '')}\ncommit: ${version}\nspec: 1.0.2-dev\ngo: go1.19.8\n`

const entry = (version: string, ...fixes: readonly string[]): string => {
  const lines = fixes.map((id) => `  * ${id}: something\n`).join('')
  return `runc (${version}) bookworm-security; urgency=high\n\n${lines}\n -- A <a@b.example>  now\n\n`
}

suite('covey doctor on runc', () => {
  for (const [release, ids] of releases) {
    test(`knows what release ${release} has`, () => {
      const version = parseRuncVersion(`runc version ${release}\ncommit: v${release}-0-gabc\n`)
      assert.ok(version !== null)
      assert.deepEqual(escapesOf(version), ids)
    })
  }

  test('goes by the changelog where a distribution has closed some', async () => {
    const version = '1.1.5+ds1-1+deb12u1'
    const older = entry('1.1.5+ds1-1', 'CVE-2023-27561')
    assert.deepEqual(await said(debian(version), entry(version, 'CVE-2024-21626') + older), [
      `warning: runc ${version} has known container escapes: ${procfs.join(', ')}, ` +
        'CVE-2026-41579; its changelog lists no fix for them',
    ])
    const later = '1.1.5+ds1-1+deb12u9'
    const all = entry(later, ...procfs, 'CVE-2026-41579') + entry(version, 'CVE-2024-21626')
    assert.deepEqual(await said(debian(later), all), [
      `ok: runc ${later} has no container escape that this covey knows of`,
    ])
  })

  test('says that it cannot tell where there is no changelog of this very runc', async () => {
    const version = '1.1.5+ds1-1+deb12u1'
    const other = entry('1.1.5+ds1-1', 'CVE-2024-21626', ...procfs, 'CVE-2026-41579')
    for (const changelog of [null, '', other]) {
      const [line] = await said(debian(version), changelog)
      assert.match(
        line ?? '',
        /^warning: runc 1\.1\.5\+ds1-1\+deb12u1 is built from a release with /,
      )
      assert.match(line ?? '', /CVE-2024-21626.*; covey cannot tell whether its distribution/)
    }
    assert.match((await said('runc version unknown\n', null))[0] ?? '', /^warning: .*cannot tell/)
  })

  test('takes no longer number for a shorter one', async () => {
    const version = '1.3.3-1'
    const [line] = await said(debian(version), entry(version, 'CVE-2026-415791'))
    assert.match(line ?? '', /^warning: .*CVE-2026-41579; its changelog lists no fix/)
  })
})
