import { isObject, parseCanonicalJson } from './documents/canonical-json.ts'
import { bad, type Checked, good } from './fault.ts'
import type { Head } from './heads.ts'
import { statusAlarmsMax, statusRecordBytesMax, versionMax } from './limits.ts'
import { isDigest, isName } from './names.ts'

const hostStates = [
  'in-sync',
  'applying',
  'trial',
  'degraded',
  'unappliable',
  'not-listed',
  'held',
  'floor-unknown',
] as const

/** State of a host towards its head; `docs/PROTOCOL.md`, Status. */
export type HostState = (typeof hostStates)[number]

/** Objects of a host, counted by state. */
export interface ObjectCounts {
  readonly converged: number
  readonly pending: number
  readonly failed: number
  readonly unsupported: number
}

/** One host's own summary, as it spreads through the overlay. */
export interface StatusRecord {
  readonly host: string
  readonly peer_id: string
  /** Grows with every record of that host; the newest wins. */
  readonly sequence: number
  readonly state: HostState
  readonly head: Head | null
  readonly applied: Head | null
  readonly objects: ObjectCounts
  /** Codes only; details stay on the host. */
  readonly alarms: readonly string[]
}

/**
 * A record as it travels: its exact text, and the Ed25519 signature of the host's libp2p key,
 * base64url.
 */
export interface SignedStatus {
  readonly text: string
  readonly signature: string
}

/** A head on a record or message; null where a host has no config yet. */
export function isHeadOrNull(value: unknown): value is Head | null {
  if (value === null) return true
  if (!isObject(value)) return false
  return isCount(value['epoch']) && isCount(value['version']) && isDigest(value['digest'])
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= versionMax
}

const parsedBefore = new WeakMap<SignedStatus, Checked<StatusRecord>>()

/** Content of a signed record; parsed once for each. Fault: `status-record`. */
export function readStatus(signed: SignedStatus): Checked<StatusRecord> {
  const known = parsedBefore.get(signed)
  if (known !== undefined) return known
  const parsed = parseStatusRecord(signed.text)
  parsedBefore.set(signed, parsed)
  return parsed
}

function parseStatusRecord(text: string): Checked<StatusRecord> {
  const fault = bad('status-record', 'is not a status record')
  if (text.length > statusRecordBytesMax) return fault
  const parsed = parseCanonicalJson(text)
  if (!parsed.ok || !isObject(parsed.value)) return fault
  const record = parsed.value
  const { objects, alarms, sequence } = record
  const sound =
    isName(record['host']) &&
    typeof record['peer_id'] === 'string' &&
    Number.isSafeInteger(sequence) &&
    Number(sequence) > 0 &&
    hostStates.some((state) => state === record['state']) &&
    isHeadOrNull(record['head']) &&
    isHeadOrNull(record['applied']) &&
    isObject(objects) &&
    ['converged', 'pending', 'failed', 'unsupported'].every((state) => isCount(objects[state])) &&
    Array.isArray(alarms) &&
    alarms.length <= statusAlarmsMax &&
    alarms.every((code) => typeof code === 'string')
  return sound ? good(record as unknown as StatusRecord) : fault
}
