import { setTimeout as sleep } from 'node:timers/promises'
import { askStatus, type StatusAnswer } from '../../agent-client/status.ts'
import { lookMs } from '../../limits.ts'
import { control } from '../../terminal/controls.ts'
import { Failure } from '../../terminal/failure.ts'
import { jsonLine, type Session } from '../../terminal/session.ts'
import type { Input } from '../definition.ts'
import { changesBetween, statusText } from './status-text.ts'

/** `covey status [--watch]`. */
export async function showStatus(session: Session, input: Input): Promise<void> {
  const first = await askStatus(session)
  if (!input.is('watch')) {
    return session.result(first.document, statusText(first.status, session.paint))
  }
  const show = shower(session)
  const signal = session.io.interrupted()
  for (let answer: StatusAnswer | null = first; ; answer = await look(session)) {
    show(answer)
    try {
      await sleep(lookMs, undefined, { signal })
    } catch {
      return
    }
  }
}

/** The status, or null while no agent answers: one that restarts is waited for. */
async function look(session: Session): Promise<StatusAnswer | null> {
  try {
    return await askStatus(session)
  } catch (error) {
    if (error instanceof Failure && error.exit !== 2) return null
    throw error
  }
}

type Show = (answer: StatusAnswer | null) => void

function shower(session: Session): Show {
  if (session.settings.json) return jsonLines(session)
  return session.io.outIsTerminal ? screen(session) : changeLines(session)
}

/** One document a line, whenever more than an age has changed. */
function jsonLines(session: Session): Show {
  let last = ''
  return (answer) => {
    if (answer === null) return
    const now = JSON.stringify(answer.document, (name, value) =>
      name === 'age_seconds' ? 0 : value,
    )
    if (now !== last) session.io.out(jsonLine(answer.document))
    last = now
  }
}

function screen(session: Session): Show {
  return (answer) => {
    const text =
      answer === null ? 'no agent answers; waiting\n' : statusText(answer.status, session.paint)
    // Home, the text with the rest of each line cleared, then the rest of the screen cleared: no
    // flicker.
    const [home, clearLine, clearRest] = ['\u001b[H', '\u001b[K', '\u001b[J'].map(control)
    session.io.out(`${home}${text.replaceAll('\n', `${clearLine}\n`)}${clearRest}`)
  }
}

function changeLines(session: Session): Show {
  let last: StatusAnswer | null = null
  let answered = true
  return (answer) => {
    if (answer === null) {
      if (answered) session.io.out('no agent answers; waiting\n')
    } else {
      const lines = changesBetween(last?.status ?? null, answer.status, session.paint)
      session.io.out(lines.map((line) => `${line}\n`).join(''))
      last = answer
    }
    answered = answer !== null
  }
}
