import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { PlaceFor } from '../../../machine/containers/exec/serve.ts'
import { logFolder } from '../../../machine/containers/logs/places.ts'
import { networkToEnter } from '../../../machine/containers/make/user-namespace.ts'
import { createSeats } from '../../../machine/containers/seats.ts'
import type { ContainersState } from '../../../machine/containers/state.ts'
import type { Config } from '../../../protocol/documents/config.ts'
import { CoveyError } from '../../../protocol/fault.ts'
import type { HostPorts } from '../../../reconcilers/host-ports.ts'
import type { Log } from '../../../reconcilers/reconciler.ts'
import {
  createOneOff,
  lookOneOffs,
  nameOneOff,
  type OneOff,
  removeOneOff,
} from '../../../reconcilers/runc/one-off/one-off.ts'
import { oneOffsMax } from '../../limits.ts'

/** Containers for one command each. */
export interface OneOffs {
  /**
   * Makes a container like that of an object when the command is known, and `end` removes it. Null
   * where there are too many.
   */
  reserve(object: string): { readonly place: PlaceFor; end(): Promise<void> } | null
}

/** Dependencies of such containers. */
export interface OneOffsInit {
  readonly stateDir: string
  readonly ports: HostPorts
  readonly state: Pick<ContainersState, 'of' | 'places' | 'records' | 'life'>
  readonly host: string
  readonly adopted: () => Config | null
  readonly log: Log
}

/** Opens the room for them. What an agent that was killed has left is removed. */
export function openOneOffs(init: OneOffsInit): OneOffs {
  const { ports, log } = init
  const forgetLog = (object: string): Promise<void> => {
    return rm(logFolder(init.stateDir, object), { recursive: true, force: true })
  }
  const remove = async (oneOff: OneOff): Promise<void> => {
    await removeOneOff(oneOff, ports)
    await forgetLog(oneOff.object)
  }
  const sweep = async (): Promise<void> => {
    for (const oneOff of await lookOneOffs(ports)) await remove(oneOff)
  }
  const swept = sweep().catch((error) => {
    log.warn({ error }, 'cannot remove containers that an earlier agent made for commands')
  })
  const seats = createSeats(oneOffsMax)
  // Two that are made at once would take the same free name.
  let making: Promise<unknown> = swept
  return {
    reserve(object) {
      const release = seats.reserve()
      if (release === null) return null
      let made: OneOff | null = null
      const end = async (): Promise<void> => {
        try {
          if (made !== null) await remove(made)
          made = null
        } catch (error) {
          log.warn({ error, object }, 'cannot remove a container that was made for a command')
        }
      }
      return {
        async place(start, signal) {
          const { entrypoint = null, command } = start
          const config = init.adopted()
          if (config === null) throw new CoveyError('no-config', 'this host holds no config yet')
          const create = async (): Promise<OneOff> => {
            const name = await nameOneOff(object, ports)
            const order = { object, name, entrypoint, command }
            try {
              return await createOneOff(config, init.host, order, ports, signal)
            } catch (error) {
              await forgetLog(name)
              throw error
            }
          }
          const creation = making.then(create)
          making = creation.catch(() => undefined)
          made = await creation
          return { ...(await placeOf(init, made, start)), remove: end }
        },
        async end() {
          await end()
          release()
        },
      }
    },
  }
}

/** The container as commands are run in it; what its first process would run is the command. */
async function placeOf(
  { state }: OneOffsInit,
  { id }: OneOff,
  start: Parameters<PlaceFor>[0],
): Promise<Omit<Awaited<ReturnType<PlaceFor>>, 'remove'>> {
  const { bundle } = state.of(id)
  const record = state.records.record(id)
  const pid = state.life(id)?.process?.pid
  if (record === null || pid === undefined) {
    throw new CoveyError('container-create', 'its process ended before it was used')
  }
  const { process } = JSON.parse(await readFile(join(bundle, 'config.json'), 'utf8')) as {
    readonly process: { readonly args: readonly string[] }
  }
  const network = networkToEnter(record)
  const place = { id, runcRoot: state.places.runcRoot, network, bundle, pid }
  return { place, start: { ...start, command: process.args } }
}
