import { isObject } from '../../../protocol/documents/canonical-json.ts'
import { type Config, parseConfig } from '../../../protocol/documents/config.ts'
import { parseDelivery } from '../../../protocol/documents/delivery.ts'
import {
  type Envelope,
  parseHeader,
  parseNewEnvelope,
} from '../../../protocol/documents/envelope.ts'
import { parseRoot } from '../../../protocol/documents/root.ts'
import { type Checked, type Fault, faultText } from '../../../protocol/fault.ts'
import { readSource, type Source } from '../../files/read-text.ts'
import { findFolder } from '../../folder/folder.ts'
import { readRoots } from '../../folder/roots.ts'
import { configSourceBytesMax } from '../../limits.ts'
import { assessDelivery } from '../../signing/delivery.ts'
import { configFaults } from '../../signing/draft.ts'
import { missingText, verifyRoot } from '../../signing/root-proof.ts'
import { textOf, verifyConfig } from '../../signing/verify.ts'
import { parseJsonSource } from '../../sources/json-source.ts'
import { expectNoFaults, type Located } from '../../sources/located.ts'
import { Failure } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import { counted } from '../../terminal/style.ts'
import type { Input } from '../definition.ts'
import { compileStacks } from './compile.ts'
import { warnOfDoubts } from './warn-doubts.ts'

/** The kind and content of a file. */
interface Finding {
  readonly kind: 'layout' | 'config' | 'signed config' | 'root document' | 'delivery'
  readonly says: string
}

/**
 * `covey validate FILE`. A layout is known by `cluster`, a signed document by `payload`, a root by
 * its header.
 */
export async function validateFile(session: Session, input: Input): Promise<void> {
  const [file = '-'] = input.args
  const finding = await judge(session, file)
  session.result(
    { file, kind: finding.kind, valid: true },
    `${file}: a ${finding.kind} without faults: ${finding.says}\n`,
  )
}

async function judge(session: Session, file: string): Promise<Finding> {
  const isLayout = /\.ya?ml$/i.test(file)
  if (isLayout) return await judgeLayout(session, file)
  const options = { bytesMax: configSourceBytesMax, kind: 'a layout or a document of covey' }
  const source = await readSource(session, file, options)
  const start = source.text.trimStart()
  if (/^[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\s*$/.test(start)) {
    return await judgeSigned(session, source)
  }
  if (!start.startsWith('{') && !start.startsWith('[')) {
    // Neither JSON nor a JWT: YAML, whatever its name. Stdin can be read only once.
    if (file === '-')
      throw new Failure(2, 'usage', 'give a layout by its path', { hint: 'covey validate FILE' })
    return await judgeLayout(session, file)
  }
  const located = parseJsonSource(source)
  const { value } = located
  if (isObject(value) && 'payload' in value) return await judgeSigned(session, source, located)
  if (isObject(value) && 'roots' in value && 'config' in value)
    return await judgeDelivery(session, source)
  if (isObject(value) && 'root' in value && !('hosts' in value)) {
    expectSound(located, parseRoot(JSON.stringify(value)))
    return { kind: 'root document', says: 'unsigned' }
  }
  expectNoFaults(located, configFaults(value))
  if (isObject(value) && 'aud' in value) expectSound(located, parseConfig(JSON.stringify(value)))
  const hosts = isObject(value) && isObject(value['hosts']) ? value['hosts'] : {}
  warnOfDoubts(session, { hosts: hosts as Config['hosts'] })
  return { kind: 'config', says: `${counted(Object.keys(hosts).length, 'host')}, unsigned` }
}

async function judgeLayout(session: Session, file: string): Promise<Finding> {
  const { files, compiled } = await compileStacks(session, file, 'draft')
  for (const warning of compiled.warnings) session.warn(warning)
  const hosts = counted(files.layout.hosts.size, 'host')
  const { cardless } = compiled
  const without = cardless.length === 0 ? '' : `; without a card yet: ${cardless.join(', ')}`
  return { kind: 'layout', says: `${files.layout.cluster}, ${hosts}${without}` }
}

function expectSound(located: Located, checked: Checked<unknown>): void {
  if (!checked.ok) expectNoFaults(located, [checked.fault])
}

async function judgeSigned(session: Session, source: Source, located?: Located): Promise<Finding> {
  const parsed = parseNewEnvelope(source.text)
  if (!parsed.ok && located !== undefined) expectNoFaults(located, [parsed.fault])
  if (!parsed.ok) throw wrong(2, source, parsed.fault)
  const envelope = parsed.value
  const isRoot = parseHeader(envelope.signatures[0]?.protected ?? '', 'root').ok
  const dir = await findFolder(session)
  return isRoot
    ? await judgeRoot(source, envelope)
    : await judgeConfig(session, source, envelope, dir)
}

/**
 * A root names the keys that must sign it, so it is checked by itself; this does not prove that it
 * belongs to this cluster.
 */
async function judgeRoot(source: Source, envelope: Envelope): Promise<Finding> {
  const text = textOf(envelope)
  const parsed = text.ok ? parseRoot(text.value) : text
  if (!parsed.ok) throw wrong(2, source, parsed.fault)
  const verified = await verifyRoot(envelope)
  if (!verified.ok) throw wrong(4, source, verified.fault)
  const { epoch, cluster } = parsed.value
  return { kind: 'root document', says: `number ${epoch} of ${cluster}, signed by its own keys` }
}

async function judgeConfig(
  session: Session,
  source: Source,
  envelope: Envelope,
  dir: string | undefined,
): Promise<Finding> {
  for (const { protected: header } of envelope.signatures) {
    const kid = parseHeader(header, 'config')
    if (!kid.ok) throw wrong(4, source, kid.fault)
  }
  const text = textOf(envelope)
  const parsed = text.ok ? parseConfig(text.value) : text
  if (!text.ok || !parsed.ok) throw wrong(2, source, parsed.ok ? undefined : parsed.fault)
  // Positions inside a payload refer to its decoded text: nobody can read base64url.
  const inner = parseJsonSource({ file: `${source.file}(payload)`, text: text.value })
  expectNoFaults(inner, configFaults(inner.value))
  if (parsed.value.body.ok) warnOfDoubts(session, parsed.value.body.value)
  const { version, epoch } = parsed.value.claims
  const says = `version ${version}, epoch ${epoch}`
  if (dir === undefined) {
    session.warn('its signatures were not checked: there is no covey folder here (--dir names one)')
    return { kind: 'signed config', says }
  }
  const chain = await readRoots({ dir, files: session.io.files })
  const verified = await verifyConfig(envelope, chain)
  if (!verified.ok) throw wrong(4, source, verified.fault)
  const names = verified.value.kids.map(
    (kid) => chain.roots[epoch - 1]?.config.keys[kid]?.name ?? kid,
  )
  return { kind: 'signed config', says: `${says}, signed by ${names.join(', ')}` }
}

/** New roots and their config, against the roots of the folder here. */
async function judgeDelivery(session: Session, source: Source): Promise<Finding> {
  const parsed = parseDelivery(source.text)
  if (!parsed.ok) throw wrong(2, source, parsed.fault)
  const { roots, config } = parsed.value
  const dir = await findFolder(session)
  if (dir === undefined) {
    for (const root of roots) await judgeRoot(source, root)
    return { ...(await judgeConfig(session, source, config, dir)), kind: 'delivery' }
  }
  const assessed = await assessDelivery(
    parsed.value,
    await readRoots({ dir, files: session.io.files }),
  )
  if (!assessed.ok) throw wrong(4, source, assessed.fault)
  const { missing, config: held } = assessed.value
  const inner = parseJsonSource({ file: `${source.file}(payload)`, text: held.text })
  expectNoFaults(inner, configFaults(inner.value))
  const says = `root ${held.head.epoch}, version ${held.head.version} under it`
  if (missing.length === 0) return { kind: 'delivery', says }
  const message = `${says}: it needs ${missingText(missing)}`
  throw new Failure(4, 'below-threshold', `${source.file}: ${message}`, {
    hint: 'the others sign it with covey root sign FILE -o FILE',
  })
}

function wrong(exit: 2 | 4, source: Source, fault: Fault | undefined): Failure {
  const { code, message } = fault ?? {
    code: 'payload-not-utf8',
    message: 'the payload is not UTF-8',
  }
  const text = fault === undefined ? message : faultText(fault)
  return new Failure(exit, code, `${source.file}: ${text}`, {
    hint:
      exit === 4
        ? 'do not trust it; sign the config again'
        : 'covey sign CONFIG -o FILE makes a signed config',
  })
}
