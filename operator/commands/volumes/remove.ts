import { ask, documentOf } from '../../agent-client/client.ts'
import { askConfig } from '../../agent-client/config.ts'
import { askStatus } from '../../agent-client/status.ts'
import { adminPruneMsMax } from '../../limits.ts'
import { Failure } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import type { Input } from '../definition.ts'
import { confirm } from '../rollout/confirm.ts'
import { placeOfVolume } from './at-host.ts'
import { asRefusal, volumeObject } from './name.ts'

/** `covey volume remove VOLUME`. */
export async function removeVolume(session: Session, input: Input): Promise<void> {
  const volume = volumeObject(input.args[0] ?? '')
  const place = await placeOfVolume(session, input, volume)
  const { status } = await askStatus(place.session)
  const config = await askConfig(place.session).catch((error: unknown) => {
    if (error instanceof Failure && error.code === 'no-config') return undefined
    throw error
  })
  if (config?.hosts[status.host]?.[volume] !== undefined) {
    throw new Failure(4, 'volume-in-config', `${volume} is in the config of ${status.host}`, {
      hint: 'take it out of the layout first, and apply that',
    })
  }
  if (!input.is('yes')) {
    const question = `Remove ${volume} of ${status.host}, with all that is in it?`
    await confirm(session, question, 'covey volume remove … --yes')
  }
  const question = { method: 'DELETE', path: `/v1/volumes/${volume}`, admin: true } as const
  try {
    const answer = await ask(place.session, { ...question, timeoutMs: adminPruneMsMax })
    documentOf(place.session, answer)
  } catch (error) {
    throw asRefusal(error)
  }
  session.result({ host: status.host, volume }, `${volume}: removed from ${status.host}\n`)
}
