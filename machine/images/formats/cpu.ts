/** Variants of images that a machine runs, read from `/proc/cpuinfo`. */

/**
 * Features of the levels of x86-64 (its psABI, Micro-Architecture Levels), as Linux names them; a
 * level takes those of the levels below as well.
 */
const levels: readonly (readonly [variant: string, flags: readonly string[]])[] = [
  ['v2', ['cx16', 'lahf_lm', 'popcnt', 'pni', 'sse4_1', 'sse4_2', 'ssse3']],
  ['v3', ['avx', 'avx2', 'bmi1', 'bmi2', 'f16c', 'fma', 'abm', 'movbe', 'xsave']],
  ['v4', ['avx512f', 'avx512bw', 'avx512cd', 'avx512dq', 'avx512vl']],
]

/** All values of a field, one for each processor. */
function valuesOf(cpuInfo: string, field: string): readonly string[] {
  return cpuInfo.split('\n').flatMap((line) => {
    const [name = '', ...rest] = line.split(':')
    return name.trim().toLowerCase() === field ? [rest.join(':').trim()] : []
  })
}

/**
 * The highest level of x86-64 that all processors have: `v2` to `v4`, or null for the first, which
 * images do not name. What cannot be read is not there.
 */
export function amd64Variant(cpuInfo: string): string | null {
  const processors = valuesOf(cpuInfo, 'flags').map((text) => new Set(text.split(/\s+/)))
  let variant: string | null = null
  for (const [level, flags] of levels) {
    const has = processors.every((known) => flags.every((flag) => known.has(flag)))
    if (processors.length === 0 || !has) break
    variant = level
  }
  return variant
}

/**
 * The lowest version of the ARM architecture among the processors, `5` to `8`; null where it cannot
 * be read. The kernel calls the ARM1176 of the first Raspberry Pi 7, and its model ARMv6.
 */
export function armVersionOf(cpuInfo: string): string | null {
  const versions = valuesOf(cpuInfo, 'cpu architecture').map((text) => {
    const digit = /^(?:aarch64|(\d+))/i.exec(text)
    return digit === null ? Number.NaN : Number(digit[1] ?? '8')
  })
  if (valuesOf(cpuInfo, 'model name').some((text) => /^armv6/i.test(text))) versions.push(6)
  const lowest = Math.min(...versions)
  return lowest >= 5 && lowest <= 8 ? String(lowest) : null
}
