/** State of this host towards a peer that opens a gossip stream. */
export interface Standing {
  /**
   * `none`; `dialling`, a connection is on its way; `offered`, our own gossip stream waits for the
   * peer to accept it; `up`, a stream is in use.
   */
  readonly state: 'none' | 'dialling' | 'offered' | 'up'
  /** True if the stream in use runs on a connection that we dialled. */
  readonly dialledHere: boolean
  /** True if our peer id is the smaller one. */
  readonly smaller: boolean
}

/**
 * Decision on a stream: take it, take it in place of ours, or keep it until ours has ended.
 */
export type Judgement = 'take' | 'replace' | 'hold'

/**
 * Judges a gossip stream that a peer has opened. Both hosts may dial at once; of two connections
 * the one dialled by the smaller peer id stays.
 *
 * - `dialling`: our connection does not exist yet, so there is only one: theirs.
 * - `offered`: two exist. The smaller id keeps its own, and holds theirs in case ours comes to
 *   nothing; the larger gives its own up. Both come to the same result without a word.
 * - `up`: nobody dials a peer that is up, so the peer has lost the stream that we still use, and
 *   the new one replaces it. The one exception is ours, dialled by the smaller id: theirs may be
 *   the loser of that race whose end has not reached us yet. Held, it takes over as soon as ours
 *   turns out dead.
 */
export function judgeOffer(standing: Standing): Judgement {
  switch (standing.state) {
    case 'none':
    case 'dialling':
      return 'take'
    case 'offered':
      return standing.smaller ? 'hold' : 'replace'
    case 'up':
      return standing.smaller && standing.dialledHere ? 'hold' : 'replace'
  }
}
