import type { PullProgress } from './pull-image.ts'

/** `layer 2 of 5, 31 of 70 MB`: how far a pull is, for people. */
export function progressText(progress: PullProgress | null): string {
  if (progress === null) return 'asking for its manifest'
  const { layers, layersDone, bytes, bytesDone } = progress
  const layer = Math.min(layersDone + 1, layers)
  return `layer ${layer} of ${layers}, ${megabytes(bytesDone)} of ${megabytes(bytes)} MB`
}

function megabytes(bytes: number): string {
  const value = bytes / 1e6
  return value < 10 ? value.toFixed(1) : String(Math.round(value))
}
