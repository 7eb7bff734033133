import type { ImageProgress } from '../../../protocol/api/images.ts'
import { control } from '../../terminal/controls.ts'
import type { Session } from '../../terminal/session.ts'

/** Shows how far something is while it goes on. */
export interface ProgressLine {
  show(progress: ImageProgress): void
  /** Shows a sentence in the same place. */
  say(text: string): void
  /** Takes the line away, so that the result stands alone. */
  end(): void
}

/**
 * One line that is written over on a terminal, one line for each layer elsewhere, nothing with
 * `--json`. On stderr, so that stdout holds the result only.
 */
export function progressLine(session: Session): ProgressLine {
  const { io, settings } = session
  if (settings.json) return { show: () => {}, say: () => {}, end: () => {} }
  let last = ''
  if (io.errIsTerminal) {
    const write = (text: string): void => {
      io.err(`${control('\r')}${text}${control('\u001b[K')}`)
      last = text
    }
    return {
      show: (progress) => write(`${bar(progress)} ${progressText(progress)}`),
      say: write,
      end: () => {
        if (last !== '') write('')
      },
    }
  }
  const line = (text: string): void => {
    if (text !== last) io.err(`${text}\n`)
    last = text
  }
  return {
    show: ({ layers, layers_done }) => line(`${layers_done} of ${layers} layers`),
    say: line,
    end: () => {},
  }
}

const barColumns = 20

function bar({ bytes, bytes_done }: ImageProgress): string {
  const share = bytes === 0 ? 1 : Math.min(1, bytes_done / bytes)
  const full = Math.floor(share * barColumns)
  return `[${'#'.repeat(full)}${'.'.repeat(barColumns - full)}]`
}

function progressText({ layers, layers_done, bytes, bytes_done }: ImageProgress): string {
  return `${sizeText(bytes_done)} of ${sizeText(bytes)}, ${layers_done} of ${layers} layers`
}

/** `931 kB`, `70 MB`, `1.2 GB`: a size for people. */
export function sizeText(bytes: number): string {
  if (bytes < 1e6) return `${Math.ceil(bytes / 1e3)} kB`
  if (bytes < 1e9)
    return bytes < 1e7 ? `${(bytes / 1e6).toFixed(1)} MB` : `${Math.round(bytes / 1e6)} MB`
  return `${(bytes / 1e9).toFixed(1)} GB`
}
