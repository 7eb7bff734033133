import { isObject } from '../../../protocol/documents/canonical-json.ts'
import type { ImageHealth } from '../../../reconcilers/host-containers.ts'
import {
  imageConfigEntriesMax,
  imageConfigTextCharactersMax,
} from '../../../reconcilers/images/limits.ts'

const nanosecondsPerSecond = 1_000_000_000
const secondsMax = 3600
const retriesMax = 100

/**
 * The health check in an image's config (moby image spec v1.2, `Healthcheck`): durations are in ns,
 * and 0 means that the image gives none. Undefined where there is none, or one of another form: an
 * image is none the worse for that.
 */
export function healthcheckOf(value: unknown, shell: unknown): ImageHealth | undefined {
  if (!isObject(value)) return undefined
  const [kind, ...words] = wordsOf(value['Test']) ?? []
  const shellWords = wordsOf(shell) ?? []
  const before = shellWords.length > 0 ? shellWords : ['/bin/sh', '-c']
  const command = kind === 'CMD' ? words : kind === 'CMD-SHELL' ? [...before, ...words] : []
  if (words.length === 0 || command.length === 0) return undefined
  const times = {
    interval_seconds: secondsOf(value['Interval']),
    timeout_seconds: secondsOf(value['Timeout']),
    retries: countOf(value['Retries']),
    start_seconds: secondsOf(value['StartPeriod']),
    start_interval_seconds: secondsOf(value['StartInterval']),
  }
  const given = Object.entries(times).filter(([, each]) => each !== undefined)
  return { command, ...Object.fromEntries(given) }
}

function wordsOf(value: unknown): readonly string[] | undefined {
  if (!Array.isArray(value) || value.length > imageConfigEntriesMax) return undefined
  const isWord = (each: unknown): each is string =>
    typeof each === 'string' && each.length <= imageConfigTextCharactersMax && !each.includes('\0')
  return value.every(isWord) ? value : undefined
}

/** A duration in whole seconds, rounded up. */
function secondsOf(value: unknown): number | undefined {
  if (typeof value !== 'number' || !(value > 0)) return undefined
  return Math.min(secondsMax, Math.ceil(value / nanosecondsPerSecond))
}

function countOf(value: unknown): number | undefined {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 1) return undefined
  return Math.min(retriesMax, value)
}
