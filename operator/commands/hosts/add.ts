import { isObject } from '../../../protocol/documents/canonical-json.ts'
import { isName } from '../../../protocol/names.ts'
import { readSource } from '../../files/read-text.ts'
import { writeWhole } from '../../files/write-file.ts'
import { type Card, parseIdentity, verifyCard } from '../../folder/card.ts'
import { whileEditing } from '../../folder/edit-lock.ts'
import { openFolder } from '../../folder/folder.ts'
import { readLayout } from '../../folder/layout-files.ts'
import { freeAddress } from '../../layout/addresses.ts'
import { withHost } from '../../layout/edit.ts'
import { parseEndpoint } from '../../layout/endpoint.ts'
import { carded, hostFact, type Lock, lockText, withFacts } from '../../layout/lock.ts'
import { siteWarning } from '../../layout/mesh-sections.ts'
import { smallFileBytesMax } from '../../limits.ts'
import { parseJsonSource } from '../../sources/json-source.ts'
import { parseDestination } from '../../ssh/destination.ts'
import { Failure, faultsFailure } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import { shellWord } from '../../terminal/shell-word.ts'
import type { Input } from '../definition.ts'

/**
 * `covey host add [NAME] --card FILE`. Adding the same card again changes nothing but the given
 * fields.
 */
export async function addHost(session: Session, input: Input): Promise<void> {
  const [named, destination] = input.args
  const file = input.text('card')
  if (destination !== undefined || file === undefined) throw needsCard(named, destination)
  const fields = fieldsOf(input)
  const folder = await openFolder(session)
  const card = await readCard(session, file)
  const name = named ?? card.host
  if (name !== card.host) {
    throw new Failure(
      4,
      'card-mismatch',
      `the card in ${file} belongs to ${card.host}, not to ${name}`,
      {
        hint: `add it as ${card.host}, or on the host: covey identity --host ${name} --json`,
      },
    )
  }
  const added = await whileEditing(session.io, folder, async () => {
    const shown = folder.shown('cluster.yaml')
    const { layout, lock, source, lockPath } = await readLayout(session, shown, false)
    await expectNew(lock, card, input.is('replace'))
    const given = layout.hosts.get(name)?.address
    const address = given ?? freeAddress(layout, lock, name)
    if (address === undefined) {
      const hint = 'remove hosts that are gone: covey host list'
      throw new Failure(4, 'network-full', `${layout.networkText} has no address left for a host`, {
        hint,
      })
    }
    const facts = { [`host.${name}.card`]: card.text, [`host.${name}.address`]: address }
    const text = withHost(source, name, fields)
    // The lock first: facts about a host that the layout does not name yet harm nothing.
    await writeWhole(session.io.files, session.path(lockPath), lockText(withFacts(lock, facts)))
    if (text !== source.text) await writeWhole(session.io.files, session.path(shown), text)
    return { address, isNew: !layout.hosts.has(name) }
  })
  if (fields['site'] !== undefined) session.warn(siteWarning)
  const where = fields['endpoint'] === undefined ? '' : ` at ${fields['endpoint']}`
  session.result(
    { host: name, address: added.address, peer_id: card.peerId, added: added.isNew, ...fields },
    `${name}: ${added.isNew ? 'added' : 'updated'} with address ${added.address}${where}\n` +
      'next: covey apply\n',
  )
}

function needsCard(name = 'NAME', destination: string | undefined): Failure {
  const file = shellWord(`${name}.card.json`)
  const hint =
    `on the host: covey identity --host ${shellWord(name)} --json > ${file}; ` +
    `here: covey host add --card ${file}`
  const message =
    destination === undefined
      ? 'the card of the host is missing: --card FILE'
      : 'this version cannot install hosts over ssh yet; give the card of a host: --card FILE'
  return new Failure(2, destination === undefined ? 'usage' : 'not-supported-yet', message, {
    hint,
  })
}

function fieldsOf(input: Input): Readonly<Record<string, string>> {
  const fields: Record<string, string> = {}
  const endpoint = input.text('endpoint')
  if (endpoint !== undefined) {
    const parsed = parseEndpoint(endpoint)
    if (typeof parsed === 'string') {
      throw new Failure(2, 'layout-endpoint', `--endpoint ${endpoint}: ${parsed}`, {
        hint: 'for example: --endpoint 203.0.113.7:51820',
      })
    }
    fields['endpoint'] = parsed.text
  }
  const ssh = input.text('ssh')
  const destination = ssh === undefined ? undefined : parseDestination(ssh)
  if (typeof destination === 'string') {
    throw new Failure(2, 'layout-ssh', `--ssh ${ssh}: ${destination}`, {
      hint: 'as in: --ssh root@203.0.113.7',
    })
  }
  if (ssh !== undefined) fields['ssh'] = ssh
  const site = input.text('site')
  if (site !== undefined && !isName(site)) {
    throw new Failure(2, 'name', `--site ${site}: not a name`, { hint: 'for example: --site home' })
  }
  if (site !== undefined) fields['site'] = site
  return fields
}

async function readCard(session: Session, file: string): Promise<Card> {
  const hint = 'make it on the host: covey identity --host NAME --json > FILE'
  const kind = 'a card'
  const source = await readSource(session, file, { bytesMax: smallFileBytesMax, kind, hint })
  // Where the syntax breaks helps nobody: a card is not written by hand, so it is another file.
  if (!isJson(source.text)) {
    throw new Failure(2, 'not-json', `${file} is not a card: a card is JSON`, {
      hint,
    })
  }
  const located = parseJsonSource(source)
  const card = await parseIdentity(located.value)
  if (card.ok) return card.value
  const trusted = isObject(located.value) && typeof located.value['card'] === 'string'
  if (!trusted) throw faultsFailure(located.locate([card.fault]), hint)
  const { code, message, path } = card.fault
  throw new Failure(4, code, `${file}: ${path === undefined ? '' : `${path}: `}${message}`, {
    hint,
  })
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** Refuses another card for a known host, and keys that another host has. */
async function expectNew(lock: Lock, card: Card, replace: boolean): Promise<void> {
  for (const name of carded(lock)) {
    const text = hostFact(lock, name, 'card') ?? ''
    if (name === card.host) {
      const known = await verifyCard(text)
      // A damaged card vouches for no keys, and adding the card again is what mends the lock.
      if (!known.ok || sameKeys(known.value, card) || replace) continue
      const message = `${name} is known with keys that differ from this card`
      const hint = 'if the host was set up again: --replace'
      throw new Failure(4, 'card-changed', message, { hint })
    }
    const other = await verifyCard(text)
    if (!other.ok) continue
    const { peerId, wireguardPublicKey } = other.value
    if (peerId !== card.peerId && wireguardPublicKey !== card.wireguardPublicKey) continue
    throw new Failure(4, 'card-taken', `${name} already has these keys`, {
      hint: 'each host makes keys of its own; a copied disk must lose /var/lib/covey first',
    })
  }
}

function sameKeys(a: Card, b: Card): boolean {
  return (
    a.peerId === b.peerId &&
    a.wireguardPublicKey === b.wireguardPublicKey &&
    a.sealingPublicKey === b.sealingPublicKey
  )
}
