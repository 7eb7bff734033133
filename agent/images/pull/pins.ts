/** What pulls and loads under way need, so that nobody collects it before they have a record. */
export interface Pins {
  readonly layers: ReadonlySet<string>
  readonly blobs: ReadonlySet<string>
  /** Pins until the returned function is called. */
  pin(layers: readonly string[], blobs: readonly string[]): () => void
  /** Pins what is in a set of blobs, also what comes into it later. */
  pinAll(blobs: ReadonlySet<string>): () => void
}

interface Pinned {
  readonly layers: Iterable<string>
  readonly blobs: Iterable<string>
}

/** Makes an empty set of pins. */
export function createPins(): Pins {
  const pinned = new Set<Pinned>()
  const add = (one: Pinned): (() => void) => {
    pinned.add(one)
    return () => pinned.delete(one)
  }
  return {
    get layers() {
      return new Set([...pinned].flatMap(({ layers }) => [...layers]))
    },
    get blobs() {
      return new Set([...pinned].flatMap(({ blobs }) => [...blobs]))
    },
    pin: (layers, blobs) => add({ layers, blobs }),
    pinAll: (blobs) => add({ layers: [], blobs }),
  }
}
