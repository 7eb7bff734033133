import { randomBytes } from 'node:crypto'
import { oneLine } from '../../../protocol/printable.ts'
import { placeOf, sessionAt } from '../../agent-client/place.ts'
import { entriesFor } from '../../all-hosts/entries.ts'
import { type OpenHost, openHosts } from '../../all-hosts/open.ts'
import { hostsOfServices, volumeWord } from '../../diff/services.ts'
import { type OperatorFolder, openFolder } from '../../folder/folder.ts'
import { newestConfig } from '../../folder/history.ts'
import { Failure } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import type { Input } from '../definition.ts'
import { applyLayout } from '../rollout/apply.ts'
import { compiledLayout } from '../rollout/layout-hosts.ts'
import { lookAtNode } from '../rollout/look-at-node.ts'
import { isEmpty, propose } from '../rollout/proposal.ts'
import { abortIncoming, askIncoming, beginIncoming, finishIncoming } from './incoming.ts'
import { copyVolume, untilGone } from './move-copy.ts'
import { type EditedFiles, placeElsewhere } from './move-layout.ts'
import { type MoveSet, moveSetOf } from './move-set.ts'

/** A move on its way. */
interface Move {
  readonly session: Session
  readonly input: Input
  readonly folder: OperatorFolder
  readonly set: MoveSet
  readonly to: string
  /** Known to the host that the volumes go to. */
  readonly id: string
  readonly source: OpenHost
  /** Asks the host that they go to. */
  readonly target: Session
}

/**
 * `covey volume move WHAT HOST`. The signed version is what stops the services at the old host; at
 * the new one nothing uses the volumes before their content is there, whatever is interrupted.
 */
export async function moveVolume(session: Session, input: Input): Promise<void> {
  const [word = '', to = ''] = input.args
  const folder = await openFolder(session)
  const { hosts } = await compiledLayout(session, folder, input)
  if (!Object.hasOwn(hosts, to)) {
    throw new Failure(2, 'no-such-host', `there is no host ${oneLine(to)} in the layout`, {
      hint: `hosts: ${Object.keys(hosts).sort().join(', ')}`,
    })
  }
  const set = moveSetOf(hosts, word)
  const open = await hostsOf(session, input)
  const target = await hostNamed(open, to).session()
  const make = (id: string, from: string): Move => {
    const source = hostNamed(open, from)
    return { session, input, folder, set: { ...set, from }, to, id, source, target }
  }
  if (set.from === to) {
    const waiting = await waitingFor(target, set)
    if (waiting !== null) return await goOn(make(waiting.id, waiting.from))
    const document = { services: set.services, volumes: set.volumes, host: to }
    return session.result(document, `${set.services.join(', ')}: on ${to} already\n`)
  }
  const move = make(randomBytes(16).toString('hex'), set.from)
  await expectNothingElse(session, folder, input)
  // A host that cannot be asked can hand nothing over.
  const waiting = await waitingFor(await move.source.session(), set)
  if (waiting?.from === to) return await callOff(move)
  await begin(move)
}

/** From here on each end leaves either all as it was, or what a further run goes on with. */
async function begin(move: Move): Promise<void> {
  const { session, set, id, target, input } = move
  session.note(
    `${set.services.join(', ')} with ${set.volumes.join(', ')}: ${set.from} -> ${move.to}`,
  )
  const replace = input.is('replace')
  await edited(move, async () => {
    for (const volume of set.volumes) {
      // What an earlier run left: nothing was signed for it, or this layout would say so.
      if ((await askIncoming(target, volume)) !== null) await abortIncoming(target, volume)
      await beginIncoming(target, volume, { id, from: set.from, replace })
    }
  })
  await handOver(move, 'first')
}

/** Goes on with a move whose layout was written, and perhaps signed, by an earlier run. */
async function goOn(move: Move): Promise<void> {
  move.session.note(`going on with the move from ${move.set.from}`)
  await signed(move)
  await handOver(move, 'again')
}

/** Back to where the data still is, of a move that was never ended: nothing is to be copied. */
async function callOff(move: Move): Promise<void> {
  const { session, input, set, to, source, folder } = move
  for (const volume of set.volumes) {
    if ((await askIncoming(await source.session(), volume)) !== null) continue
    throw new Failure(4, 'move-partial', `${volume} is in its place on ${set.from} already`, {
      hint: `end the move first: covey volume move ${volume} ${set.from}`,
    })
  }
  session.note(`calling off the move to ${set.from}: the data of ${to} is as it was`)
  await edited(move, async () => undefined)
  const signal = session.io.interrupted()
  const head = (await newestConfig(folder))?.head
  const waiting = await source.session()
  await untilGone(session, waiting, { set, head, signal })
  for (const volume of set.volumes) await abortIncoming(waiting, volume)
  await applyLayout(session, applyInput(input, set, true))
}

/** Prepares, writes the new place into the layout, signs it, and undoes what is not signed. */
async function edited(move: Move, prepare: () => Promise<void>): Promise<void> {
  const { session, input, folder, set, to, id, target } = move
  const before = await newestConfig(folder)
  let files: EditedFiles | undefined
  try {
    await prepare()
    const { hosts } = await compiledLayout(session, folder, input)
    files = await placeElsewhere(session, folder, set, to, hosts)
    await expectPlaced(move)
    await signed(move)
  } catch (error) {
    const isSigned = (await newestConfig(folder))?.head.digest !== before?.head.digest
    if (isSigned) throw error
    await files?.undo()
    for (const volume of set.volumes) await abortOwn(target, volume, id)
    throw error
  }
}

/** Another version is to hold this move and nothing else. */
async function expectNothingElse(
  session: Session,
  folder: OperatorFolder,
  input: Input,
): Promise<void> {
  const { hosts } = await compiledLayout(session, folder, input)
  const look = await lookAtNode(session, folder)
  if (isEmpty(propose(look, hosts))) return
  throw new Failure(4, 'layout-ahead', 'the layout has changes that are not applied', {
    hint: 'covey plan shows them; run covey apply first',
  })
}

/** Expects that the layout really has the services at the new host now. */
async function expectPlaced({ session, input, folder, set, to }: Move): Promise<void> {
  const { hosts } = await compiledLayout(session, folder, input)
  const placed = hostsOfServices({ hosts })
  const other = set.services.find((service) => (placed.get(service) ?? []).join() !== to)
  if (other === undefined) return
  throw new Failure(
    4,
    'move-placement',
    `${other} would not be on ${to}: its files say otherwise`,
    {
      hint: 'change x-covey.host or deploy.placement.constraints in its Compose file',
    },
  )
}

async function abortOwn(target: Session, volume: string, id: string): Promise<void> {
  const known = await askIncoming(target, volume).catch(() => null)
  if (known?.id === id) await abortIncoming(target, volume).catch(() => undefined)
}

async function waitingFor(
  target: Session,
  { volumes }: MoveSet,
): Promise<{ readonly id: string; readonly from: string } | null> {
  for (const volume of volumes) {
    const known = await askIncoming(target, volume)
    if (known !== null) return known
  }
  return null
}

/** Signs the layout as it is now, without waiting for services that wait for their data. */
async function signed({ session, input, set }: Move): Promise<void> {
  const note = (text: string): void => {
    // To an `apply` this is a loss; here it is meant, and the content follows.
    const isOurs =
      /^(loses|refused): /.test(text) && set.volumes.some((each) => text.includes(each))
    if (!isOurs) session.note(text)
  }
  const asking = { ...session, note, result: () => undefined }
  await applyLayout(sessionAt(asking, await placeOf(session)), applyInput(input, set, false))
}

/** Copies the volumes, lets the services start with them, and waits until they are well. */
async function handOver(move: Move, run: 'first' | 'again'): Promise<void> {
  const { session, input, folder, set, to, id, source, target } = move
  const signal = session.io.interrupted()
  const head = (await newestConfig(folder))?.head
  const from = await source.session()
  await untilGone(session, from, { set, head, signal })
  const copied = new Map<string, string>()
  for (const volume of set.volumes) {
    const known = await askIncoming(target, volume)
    // An earlier run has put it into its place; nothing else ends the wait for it.
    if (known === null && run === 'again') continue
    const copy = { from, target, volume, id, signal }
    copied.set(volume, known?.sha256 ?? (await copyVolume(session, copy)))
  }
  for (const [volume, sha256] of copied) {
    await finishIncoming(target, volume, { id, sha256 })
    session.note(`${volume} is on ${to}; ${set.from} keeps its old content`)
  }
  await applyLayout(session, applyInput(input, set, true))
}

/** The words of `covey apply`: this move is meant. */
function applyInput(input: Input, set: MoveSet, isLast: boolean): Input {
  const words = set.volumes.flatMap((volume) => {
    return set.services.map((service) => volumeWord(volume, service))
  })
  return {
    args: [],
    text: (option) => (option === 'timeout' ? input.text(option) : undefined),
    list: (option) => (option === 'startEmpty' ? words : []),
    is: (option) => (option === 'yes' ? isLast || input.is('yes') : option === 'wait' && isLast),
    isNot: (option) => option === 'wait' && !isLast,
  }
}

/** All hosts, also where no layout says how they are reached. */
async function hostsOf(session: Session, input: Input): Promise<readonly OpenHost[]> {
  const all: Input = {
    ...input,
    args: input.args,
    text: (option) => input.text(option),
    list: () => [],
    is: (option) => option === 'allHosts' || input.is(option),
    isNot: (option) => input.isNot(option),
  }
  const entries = await entriesFor(session, all)
  return entries === undefined ? [] : openHosts(session, entries)
}

function hostNamed(hosts: readonly OpenHost[], name: string): OpenHost {
  const found = hosts.find((host) => host.name === name)
  if (found !== undefined) return found
  throw new Failure(5, 'no-way', `${name} is not among the hosts that are reached`, {
    hint: `say where you reach it: hosts.${name}.ssh in cluster.yaml`,
  })
}
