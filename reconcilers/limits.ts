/** Bounds of the reconcilers and of the loop that drives them, by name, with the unit last. */

/**
 * A round looks at everything at least this often. The kernel announces changes of links, addresses
 * and routes, but not of WireGuard peers, so this is also how long a lost peer may stay lost.
 */
export const roundMs: number = 10_000
/** A round that changed something is followed by one that checks it, after this time. */
export const settleMs: number = 1_000
/** Least time between two rounds where the second one was asked for by an event. */
export const pokeGapMs: number = 300
/** First and largest wait before a step for a failed object is tried again. */
export const retryMsMin: number = 1_000
export const retryMsMax: number = 60_000
/** Share of a wait by which it may be longer, so that hosts do not retry in step. */
export const retryJitter: number = 0.25
/** Rounds in a row in which an object may need work before it counts as fought over. */
export const restlessRoundsMax: number = 4

/**
 * Take-downs that failed before and are tried again in one round: each may take long, and all else
 * waits for the end of the round.
 */
export const removalRetriesMax: number = 2
/** Rows of a status for what cannot be done and belongs to no object of the host. */
export const leftoversShownMax: number = 16

/** Lanes of steps that run side by side: what they start are processes, and cores are few. */
export const lanesMax: number = 8

/** One run of a tool, where its command names no time. */
export const commandMs: number = 10_000
/** Largest output of one run of a tool. */
export const commandOutputBytesMax: number = 16 * 1024 * 1024

/** Networks in `allowed_ips` of one peer. */
export const allowedNetworksMax: number = 256
/** One round waits this long for names; an answer that is later counts as none. */
export const resolveMsMax: number = 2_000
/** A name that had no answer is asked for again after this time. */
export const resolveRetryMs: number = 15_000
/** Of several addresses of a name the next one is tried after this time without an answer … */
export const contactMs: number = 5_000
/** … so often in a row; then as rarely as a handshake is over. */
export const contactTriesMax: number = 12
/** A handshake older than this is over (REJECT_AFTER_TIME of the WireGuard paper, section 6.1). */
export const handshakeMsMax: number = 180_000
/** A peer without handshake for this long is removed and added again. */
export const renewMs: number = 300_000
/** Largest time by which a renewal comes later, by peer. */
export const renewJitterMs: number = 60_000
/** The same for a peer that was well, whose handshake is over. */
export const lostJitterMs: number = 15_000
/** Peers of one link that are renewed in one round. */
export const renewalsMax: number = 32
/** Seconds between keepalives of a host that others cannot dial. */
export const keepaliveSeconds: number = 25

const relations: readonly (readonly [boolean, string])[] = [
  [settleMs < roundMs, 'a check comes before the next round'],
  [pokeGapMs < settleMs, 'an event is answered sooner than a check'],
  [retryMsMin < retryMsMax, 'backoff grows'],
  [resolveMsMax < commandMs, 'names do not hold a round up longer than a tool may'],
  [contactMs < resolveRetryMs, 'an address that does not answer is left sooner than a resolver'],
  [lostJitterMs + roundMs < 30_000, 'a peer that was well is renewed within 30 s of its loss'],
  [handshakeMsMax < renewMs, 'an endpoint is tried again before its peer is renewed'],
]
for (const [holds, reason] of relations) {
  if (!holds) throw new Error(`limits contradict each other: ${reason}`)
}
