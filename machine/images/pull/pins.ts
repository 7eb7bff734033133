/** Blobs and layers that running pulls and loads need, so that they are not collected. */
export interface Pins {
  /** True if a layer of this name or a blob of this digest is needed now. */
  has(name: string): boolean
  /**
   * Pins what is in a set, also what comes into it later, until the returned function is called.
   */
  pin(names: ReadonlySet<string>): () => void
}

/** Makes an empty set of pins. */
export function createPins(): Pins {
  const pinned = new Set<{ readonly names: ReadonlySet<string> }>()
  return {
    has: (name) => [...pinned].some(({ names }) => names.has(name)),
    pin(names) {
      const one = { names }
      pinned.add(one)
      return () => pinned.delete(one)
    },
  }
}
