/** A seeded generator; its state is part of the node, so a run can be repeated from its seed. */
export interface Random {
  state: number
}

/** A generator from any integer seed. */
export function seeded(seed: number): Random {
  return { state: seed >>> 0 }
}

/**
 * The next number in [0, 1). Weyl sequence with the finalizer of MurmurHash3 (Steele, Lea and
 * Flood, "Fast Splittable Pseudorandom Number Generators", 2014, in 32 bits). For jitter and
 * choice, never for keys.
 */
export function nextRandom(random: Random): number {
  random.state = (random.state + 0x9e3779b9) >>> 0
  let mixed = random.state
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32
}

/** A time of `ms`, give or take the share `jitter` of it. */
export function jittered(random: Random, ms: number, jitter: number): number {
  return ms * (1 - jitter + 2 * jitter * nextRandom(random))
}
