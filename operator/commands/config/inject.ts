import {
  type VerdictReply,
  type VerdictSummary,
  verdictSchema,
} from '../../../protocol/api/verdict.ts'
import { type DeliveryText, parseDelivery } from '../../../protocol/documents/delivery.ts'
import type { Fault } from '../../../protocol/fault.ts'
import { faultText } from '../../../protocol/fault.ts'
import { type Head, headText } from '../../../protocol/heads.ts'
import { envelopeBytesMax } from '../../../protocol/limits.ts'
import { ask } from '../../agent-client/client.ts'
import { heard } from '../../agent-client/heard.ts'
import { localPlace, sshTarget } from '../../agent-client/sockets.ts'
import { askStatus } from '../../agent-client/status.ts'
import { readSource } from '../../files/read-text.ts'
import { faultsShownMax, sideQuestionMsMax } from '../../limits.ts'
import { deliveryText } from '../../signing/delivery.ts'
import { parseJsonSource } from '../../sources/json-source.ts'
import { Failure } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import type { Input } from '../definition.ts'

/** `covey inject SIGNED`: checks only the form; the node decides about trust. */
export async function injectFile(session: Session, input: Input): Promise<void> {
  const [file = '-'] = input.args
  if (sshTarget(session) === undefined) localPlace(session)
  const delivery = await readHanded(session, file)
  const switches = { allowGap: input.is('allowGap'), allowIsolation: input.is('allowIsolation') }
  const verdict = await injectDelivery(session, delivery, switches)
  session.result(
    verdict,
    `${verdict.verdict}: ${verdict.message}; head is ${headText(verdict.head)}\n`,
  )
}

/**
 * Sends a config, and the roots that come with it, to the agent. Returns a good verdict:
 * `accepted`, `already-head`, or a fork that wins. Otherwise throws `Failure` with exit code 4 and
 * the verdict as its document, or as `ask` does.
 */
export async function injectDelivery(
  session: Session,
  delivery: DeliveryText,
  switches: { readonly allowGap: boolean; readonly allowIsolation: boolean },
): Promise<VerdictSummary> {
  const query = new URLSearchParams()
  if (switches.allowGap) query.set('allow_gap', '1')
  if (switches.allowIsolation) query.set('allow_isolation', '1')
  const path = query.size === 0 ? '/v1/config' : `/v1/config?${query}`
  const answer = await ask(session, { method: 'POST', path, body: deliveryText(delivery) })
  const reply = replyIn(session, answer.text)
  if (reply === undefined) {
    const message = `the agent answered with ${answer.status} and no verdict`
    throw new Failure(1, 'answer-broken', message, { hint: 'look at the log of the agent' })
  }
  const { faults, ...verdict } = reply
  if (answer.status === 200) return verdict
  const { code, message } = verdict
  const further = faults
    .slice(1, faultsShownMax)
    .map(({ path: at = '', message: why }) => `${at}: ${why}`)
  for (const line of further) session.note(line)
  throw new Failure(4, code, `${verdict.verdict}: ${message}`, {
    hint: hints[code] ?? `its head is ${headText(verdict.head)}, as before`,
    document: verdict,
  })
}

const byHand =
  'covey config show --signed > head.json, then covey sign CONFIG --base head.json -o FILE'

const hints: Readonly<Record<string, string>> = {
  gap: 'send the versions in between first, or allow the gap: --allow-gap',
  isolation: 'if the host is to be cut off: --allow-isolation',
  older: `covey apply signs the next version; for a config by hand: ${byHand}`,
  fork: `covey apply signs a higher version, which ends the fork; for a config by hand: ${byHand}`,
  'disk-full': 'make room on that host, then send it again',
  storage: 'look at the disk of that host, then send it again',
  busy: 'send it again in a moment',
  'floor-unknown': 'wait until most of its peers have answered, or send it to another host',
  'epoch-ahead':
    'it needs a root that this node does not have: covey inject rotations/EPOCH.json first',
  'root-fork': 'two root documents have the same number: covey root rotate --settle OTHER_ROOT',
}

function replyIn(session: Session, text: string): VerdictReply | undefined {
  try {
    return verdictSchema.parse(heard(session, text))
  } catch {
    return undefined
  }
}

/**
 * Reads a signed config or a delivery from the user's file. A fault of form also comes as a
 * verdict, for scripts.
 */
async function readHanded(session: Session, file: string): Promise<DeliveryText> {
  const options = { bytesMax: envelopeBytesMax, kind: 'a signed config' }
  try {
    const source = await readSource(session, file, options)
    const delivery = parseDelivery(source.text)
    if (delivery.ok) return delivery.value
    const { fault } = delivery
    if (fault.code === 'payload-too-large')
      throw new Failure(4, fault.code, `${file}: ${faultText(fault)}`)
    throw (
      inPlace(source, fault) ?? new Failure(2, fault.code, `${file}: ${faultText(fault)}`, { hint })
    )
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    const tooLarge = error.code === 'file-too-large'
    const code = tooLarge ? 'payload-too-large' : error.code
    const message = error.faults[0]?.message ?? error.message
    const head = await headIfAny(session)
    throw new Failure(tooLarge ? 4 : error.exit, code, error.message, {
      hint: error.hint ?? hint,
      faults: error.faults,
      cause: error,
      document: { verdict: 'refused', code, message, head },
    })
  }
}

const hint = 'covey sign CONFIG -o FILE makes a signed config'

/** The same fault with its place in the file, under the code that the form check gave it. */
function inPlace(
  source: { readonly file: string; readonly text: string },
  fault: Fault,
): Failure | undefined {
  try {
    const located = parseJsonSource(source)
    if (fault.path === undefined) return undefined
    const faults = located.locate([fault])
    return new Failure(2, fault.code, faultText(fault), { faults, hint })
  } catch (error) {
    if (!(error instanceof Failure) || error.faults.length === 0) return undefined
    return new Failure(2, fault.code, fault.message, { faults: error.faults, hint })
  }
}

/** The head of the agent, if one answers soon: a refusal names the head that stays. */
async function headIfAny(session: Session): Promise<Head | null> {
  try {
    return (await askStatus(session, { timeoutMs: sideQuestionMsMax })).status.head
  } catch (error) {
    if (error instanceof Failure) return null
    throw error
  }
}
