/** Connects two overlays, stops both, and leaves; for listening.test.ts. */
import { connect, startHost } from './host.ts'

const test = { after: (): void => {} }
const [one, other] = await Promise.all([startHost(test, 'leave 1'), startHost(test, 'leave 2')])
await connect(one, other)
await one.overlay.request(other.peerId, Uint8Array.of(1), AbortSignal.timeout(10_000))
console.log('up')
await Promise.all([one.overlay.stop(), other.overlay.stop()])
console.log('stopped')
