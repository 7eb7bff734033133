import { checkupSchema } from '../../../protocol/api/doctor.ts'
import { printable } from '../../../protocol/printable.ts'
import { ask, documentOf } from '../../agent-client/client.ts'
import { Failure } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import { counted } from '../../terminal/style.ts'

/** `covey doctor`: what around covey on a host may keep it from working. Exit 1 with a problem. */
export async function examineHost(session: Session): Promise<void> {
  const answer = await ask(session, { method: 'GET', path: '/v1/doctor' })
  const parsed = checkupSchema.safeParse(documentOf(session, answer))
  if (!parsed.success) {
    throw new Failure(1, 'answer-broken', 'the agent described its host in an unknown form')
  }
  const { host, checks } = parsed.data
  const tones = { ok: 'good', warning: 'busy', problem: 'bad' } as const
  const lines = checks.flatMap(({ state, message, hint }) => [
    `${session.paint(tones[state], state.padEnd('problem'.length))}  ${printable(message)}`,
    ...(hint === null ? [] : [`         hint: ${printable(hint)}`]),
  ])
  const problems = checks.filter(({ state }) => state === 'problem').length
  // With --json the failure prints the document, which is the only one.
  if (problems === 0 || !session.settings.json) session.result(parsed.data, `${lines.join('\n')}\n`)
  if (problems === 0) return
  throw new Failure(1, 'unwell', `${counted(problems, 'problem')} on ${host}`, {
    hint: 'each is listed above with what to do',
    document: parsed.data,
  })
}
