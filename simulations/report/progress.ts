/** One line on a terminal that is written over and over; nothing anywhere else. */
export interface Progress {
  show(text: string): void
  clear(): void
}

/** Progress on a stream, if that is a terminal. */
export function createProgress(stream: NodeJS.WriteStream): Progress {
  let isShown = false
  return {
    show(text) {
      if (!stream.isTTY) return
      // Erases the line before it is written anew (ECMA-48, erase in line).
      stream.write(`\r\u001b[2K${text}`)
      isShown = true
    },
    clear() {
      if (isShown) stream.write('\r\u001b[2K')
      isShown = false
    },
  }
}
