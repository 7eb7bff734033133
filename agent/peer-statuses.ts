import { type KeyObject, verify } from 'node:crypto'
import type { Fault } from '../protocol/fault.ts'
import { hostsMax } from '../protocol/limits.ts'
import type { Message } from '../protocol/messages.ts'
import { type Bucket, statusBucket, withinRate } from '../protocol/rates.ts'
import { readStatus, type SignedStatus } from '../protocol/status-record.ts'
import type { Clock } from '../reconcilers/host-ports.ts'
import { publicKeyOf } from './identity/peer-id.ts'
import { verifiedStatusesMax } from './limits.ts'

/**
 * Keeps what each peer may cost by records and questions within its rate: a signature is verified,
 * or a record sent, for each. What a peer has used up outlives its connection.
 */
export function createStatusRates(clock: Pick<Clock, 'now'>): {
  within(peer: string, message: Message): Message
} {
  const buckets = new Map<string, Bucket>()
  return {
    within(peer, message) {
      const now = clock.now()
      const bucket = buckets.get(peer) ?? statusBucket(now)
      if (!buckets.has(peer) && buckets.size >= hostsMax) buckets.clear()
      buckets.set(peer, bucket)
      return withinRate(message, bucket, now)
    },
  }
}

/**
 * Verifies status records against the peer id that they name; whether that id is listed, the node
 * knows. A record that comes again, as from another neighbour, is not verified again.
 */
export function createStatusVerifier(): { check(message: Message | null): Fault | null } {
  const keys = new Map<string, KeyObject | null>()
  const keyOf = (peerId: string): KeyObject | null => {
    const known = keys.get(peerId)
    if (known !== undefined) return known
    if (keys.size >= hostsMax) keys.clear()
    const key = publicKeyOf(peerId)
    keys.set(peerId, key)
    return key
  }
  /** Texts of good records, by their signatures. */
  const good = new Map<string, string>()
  const isGood = (signed: SignedStatus): boolean => {
    const { text, signature } = signed
    if (good.get(signature) === text) return true
    const record = readStatus(signed)
    const key = record.ok ? keyOf(record.value.peer_id) : null
    if (key === null) return false
    if (!verify(null, Buffer.from(text), key, Buffer.from(signature, 'base64url'))) return false
    if (good.size >= verifiedStatusesMax) good.clear()
    good.set(signature, text)
    return true
  }
  return {
    check(message) {
      if (message?.kind !== 'status' || message.records.every(isGood)) return null
      return { code: 'status-signature', message: 'a status record is not signed by its host' }
    },
  }
}
