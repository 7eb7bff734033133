import { bad, type Checked, good } from '../fault.ts'
import { envelopeBytesMax, rootsPerDeliveryMax } from '../limits.ts'
import { isObject } from './canonical-json.ts'
import { type Envelope, parseNewEnvelope } from './envelope.ts'

/** A signed config, and the roots that it brings along, as a user hands them over. */
export interface DeliveryText {
  readonly roots: readonly Envelope[]
  readonly config: Envelope
}

/**
 * Reads what a user hands over: a signed config in either form, or `{"roots": […], "config": …}`,
 * which a new root takes effect with. Faults: those of `parseNewEnvelope`, with the path inside the
 * delivery.
 */
export function parseDelivery(text: string): Checked<DeliveryText> {
  const value = text.length <= envelopeBytesMax ? parsed(text) : null
  if (!isObject(value) || Object.keys(value).sort().join() !== 'config,roots') {
    const config = parseNewEnvelope(text)
    return config.ok ? good({ roots: [], config: config.value }) : config
  }
  const { roots, config } = value
  if (!Array.isArray(roots) || roots.length > rootsPerDeliveryMax) {
    return bad('envelope-shape', `must be a list of at most ${rootsPerDeliveryMax}`, 'roots')
  }
  const chain: Envelope[] = []
  for (const [index, root] of roots.entries()) {
    const envelope = parseNewEnvelope(JSON.stringify(root))
    if (!envelope.ok) return within(`roots.${index}`, envelope)
    chain.push(envelope.value)
  }
  const envelope = parseNewEnvelope(JSON.stringify(config))
  return envelope.ok ? good({ roots: chain, config: envelope.value }) : within('config', envelope)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function within(path: string, checked: ReturnType<typeof bad>): ReturnType<typeof bad> {
  const { fault } = checked
  const whole = fault.path === undefined ? path : `${path}.${fault.path}`
  return bad(fault.code, fault.message, whole)
}
