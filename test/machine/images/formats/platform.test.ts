import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { IndexEntry } from '../../../../machine/images/formats/manifest.ts'
import {
  checkPlatform,
  linuxPlatform,
  type Platform,
  platformText,
  rankEntries,
} from '../../../../machine/images/formats/platform.ts'

function platform(text: string): Platform {
  const [os = '', architecture = '', variant = null] = text.split('/')
  return { os, architecture, variant }
}

/** Entries by platform; `index` is one that is an index, `?` one without a platform. */
function entries(...platforms: readonly string[]): readonly IndexEntry[] {
  return platforms.map((text, at) => ({
    mediaType: 'x',
    digest: `sha256:${String(at).repeat(64)}`,
    sizeBytes: 1,
    kind: text === 'index' ? 'index' : 'manifest',
    platform: text === '?' || text === 'index' ? null : platform(text),
  }))
}

describe('the entry of an index', () => {
  const cases: readonly (readonly [string, readonly string[], number | RegExp])[] = [
    ['linux/amd64', ['linux/arm64', 'linux/amd64'], 1],
    ['linux/amd64', ['linux/amd64', 'linux/amd64'], 0],
    ['linux/amd64', ['linux/amd64/v3', 'linux/amd64'], 1],
    ['linux/amd64', ['linux/amd64/v2'], /there are linux\/amd64\/v2/],
    ['linux/amd64/v3', ['linux/amd64', 'linux/amd64/v2', 'linux/amd64/v3'], 2],
    ['linux/amd64/v3', ['linux/amd64', 'linux/amd64/v4', 'linux/amd64/v2'], 2],
    ['linux/amd64/v2', ['linux/amd64/v3', 'linux/amd64/v4'], /there are linux\/amd64\/v3/],
    ['linux/amd64/v4', ['linux/amd64/v1'], 0],
    ['linux/amd64', ['Linux/x86_64'], 0],
    ['linux/arm64', ['linux/aarch64'], 0],
    ['linux/arm64', ['linux/arm64/8'], 0],
    ['linux/arm/v7', ['linux/armhf'], 0],
    ['linux/arm/v8', ['linux/arm/v7', 'linux/arm/v8'], 1],
    ['linux/amd64', ['windows/amd64', 'linux/amd64'], 1],
    ['linux/arm64', ['linux/arm64/v8'], 0],
    ['linux/arm64', ['linux/arm64', 'linux/arm64/v8'], 1],
    ['linux/arm64', ['linux/arm64/v9'], /no image for linux\/arm64/],
    ['linux/arm/v7', ['linux/arm/v5', 'linux/arm/v6', 'linux/arm/v7'], 2],
    ['linux/arm/v6', ['linux/arm/v5', 'linux/arm/v7'], 0],
    ['linux/arm/v6', ['linux/arm'], /there are linux\/arm/],
    ['linux/arm/v7', ['linux/arm/v6', 'linux/arm'], 1],
    ['linux/riscv64', ['linux/riscv64'], 0],
    ['linux/amd64', ['unknown/unknown', 'linux/amd64'], 1],
    ['linux/amd64', ['unknown/unknown'], /names no platform/],
    ['linux/amd64', ['?'], 0],
    ['linux/amd64', ['?', '?'], /names no platform/],
    ['linux/amd64', ['?', 'linux/amd64'], 1],
    ['linux/amd64', ['index', 'linux/amd64'], 1],
    ['linux/amd64', ['linux/arm64', 'index'], 1],
    ['linux/amd64', [], /names no platform/],
    ['linux/amd64', ['linux/\u001b[31m'], /there are linux\/\?\[31m/],
    ['linux/amd64', Array.from({ length: 30 }, (_, at) => `linux/a${at}`), /and 22 more$/],
  ]
  for (const [machine, offered, wanted] of cases) {
    it(`for ${machine} of ${JSON.stringify(offered).slice(0, 60)}`, () => {
      const list = entries(...offered)
      const index = { kind: 'index', entries: list, passedOver: 0 } as const
      const chosen = rankEntries(index, platform(machine))
      if (typeof wanted === 'number') {
        assert.ok(chosen.ok)
        const [best] = chosen.value
        assert.equal(best === undefined ? -1 : list.indexOf(best), wanted)
      } else {
        assert.ok(!chosen.ok)
        assert.equal(chosen.fault.code, 'image-platform')
        assert.match(chosen.fault.message, wanted)
      }
    })
  }
})

describe('the platform that an image config names', () => {
  const cases: readonly (readonly [image: string, machine: string, runs: boolean])[] = [
    ['linux/amd64', 'linux/amd64', true],
    ['linux/arm64', 'linux/amd64', false],
    ['windows/amd64', 'linux/amd64', false],
    ['linux/arm64/v8', 'linux/arm64', true],
    ['linux/arm/v6', 'linux/arm/v7', true],
    ['linux/arm/v7', 'linux/arm/v6', false],
    ['/', 'linux/amd64', true],
    ['linux/', 'linux/arm/v6', true],
    ['linux/x86_64', 'linux/amd64', true],
    ['linux/aarch64', 'linux/arm64', true],
    ['linux/amd64/v2', 'linux/amd64/v3', true],
    ['linux/amd64/v3', 'linux/amd64/v2', false],
  ]
  for (const [image, machine, runs] of cases) {
    it(`${image} ${runs ? 'runs' : 'does not run'} on ${machine}`, () => {
      const checked = checkPlatform(platform(image), platform(machine))
      assert.equal(checked.ok, runs)
      if (!checked.ok) {
        assert.equal(checked.fault.message, `the image is for ${image}, this host is ${machine}`)
      }
    })
  }
})

describe('an index of which nothing can be judged', () => {
  it('says so', () => {
    const index = { kind: 'index', entries: [], passedOver: 3 } as const
    const chosen = rankEntries(index, platform('linux/amd64'))
    assert.ok(!chosen.ok)
    assert.match(chosen.fault.message, /none of its entries can be judged/)
  })
})

describe('this machine', () => {
  const v2 = 'fpu sse sse2 cx16 lahf_lm popcnt pni sse4_1 sse4_2 ssse3'
  const v3 = `${v2} avx avx2 bmi1 bmi2 f16c fma abm movbe xsave`
  const v4 = `${v3} avx512f avx512bw avx512cd avx512dq avx512vl`
  const flags = (...processors: readonly string[]): string =>
    processors.map((text) => `model name\t: Some\nflags\t\t: ${text}\nbugs\t: none\n`).join('\n')
  const cpus: readonly (readonly [machine: string, cpuInfo: string, wanted: string])[] = [
    ['x64', '', 'linux/amd64'],
    ['x64', flags('fpu sse sse2'), 'linux/amd64'],
    ['x64', flags(v2), 'linux/amd64/v2'],
    ['x64', flags(v3), 'linux/amd64/v3'],
    ['x64', flags(v4), 'linux/amd64/v4'],
    ['x64', flags(v4, v2), 'linux/amd64/v2'],
    ['x64', flags(v3.replace(' bmi2', '')), 'linux/amd64/v2'],
    ['x64', flags(v4.replace(' popcnt', '')), 'linux/amd64'],
    ['arm64', 'CPU architecture: 8\n', 'linux/arm64'],
    ['arm', 'CPU architecture: 8\n', 'linux/arm/v8'],
    ['arm', 'CPU architecture: AArch64\n', 'linux/arm/v8'],
    ['arm', 'CPU architecture: 8\n\nCPU architecture: 7\n', 'linux/arm/v7'],
    ['arm', 'model name : ARMv6-compatible processor rev 7\nCPU architecture: 7\n', 'linux/arm/v6'],
    ['arm', 'CPU architecture: 5TEJ\n', 'linux/arm/v5'],
    ['arm', 'CPU architecture: ?\n', 'linux/arm/v7'],
  ]
  for (const [machine, cpuInfo, wanted] of cpus) {
    it(`is ${wanted} by ${JSON.stringify(cpuInfo).slice(0, 60)}`, () => {
      assert.equal(platformText(linuxPlatform(machine, null, cpuInfo)), wanted)
    })
  }

  it('is called as Go calls it', () => {
    const texts = [
      linuxPlatform('x64', null),
      linuxPlatform('arm64', null),
      linuxPlatform('arm', '6'),
      linuxPlatform('arm', null),
      linuxPlatform('toString', null),
    ].map(platformText)
    const wanted = ['linux/amd64', 'linux/arm64', 'linux/arm/v6', 'linux/arm/v7', 'linux/toString']
    assert.deepEqual(texts, wanted)
  })
})
