import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import fc from 'fast-check'
import {
  type Admission,
  type Box,
  disjointBoxes,
} from '../../../reconcilers/nftables/elements/boxes.ts'
import type { PortRange } from '../../../reconcilers/nftables/flows/flow-end.ts'

const portRange: fc.Arbitrary<PortRange> = fc
  .tuple(fc.constantFrom('tcp', 'udp', 'icmp'), fc.integer({ min: 1, max: 20 }), fc.nat(5))
  .map(([protocol, first, more]) =>
    protocol === 'icmp'
      ? { protocol, first: 0, last: 65535 }
      : { protocol: protocol === 'tcp' ? 'tcp' : 'udp', first, last: first + more },
  )

/** Networks within 10.0.0.0/27, so that they meet often. */
const admission: fc.Arbitrary<Admission> = fc
  .tuple(
    fc.integer({ min: 27, max: 32 }),
    fc.nat(31),
    fc.option(fc.array(portRange, { minLength: 1, maxLength: 3 })),
  )
  .map(([length, offset, ports]) => {
    const shift = BigInt(32 - length)
    const bits = (((10n << 24n) + BigInt(offset)) >> shift) << shift
    return { network: { family: 4 as const, bits, length }, ports: ports ?? undefined }
  })

const numbers = { tcp: 6, udp: 17, icmp: 1 }

function admits(
  admissions: readonly Admission[],
  address: bigint,
  protocol: number,
  port: number,
): boolean {
  return admissions.some(({ network, ports }) => {
    const shift = BigInt(32 - network.length)
    if (address >> shift !== network.bits >> shift) return false
    return (
      ports === undefined ||
      ports.some(
        (each) => numbers[each.protocol] === protocol && each.first <= port && port <= each.last,
      )
    )
  })
}

function holding(boxes: readonly Box[], address: bigint, protocol: number, port: number): number {
  const within = <T>(span: { first: T; last: T }, value: T): boolean =>
    span.first <= value && value <= span.last
  return boxes.filter(
    (box) =>
      within(box.addresses, address) && within(box.protocols, protocol) && within(box.ports, port),
  ).length
}

suite('admissions as boxes', () => {
  test('every admitted point is in exactly one box, and no other point is in any', () => {
    fc.assert(
      fc.property(fc.array(admission, { maxLength: 8 }), (admissions) => {
        const boxes = disjointBoxes(4, admissions)
        for (let offset = 0n; offset < 34n; offset++) {
          const address = (10n << 24n) + offset
          for (const protocol of [1, 6, 17, 47]) {
            for (let port = 0; port < 27; port++) {
              const wanted = admits(admissions, address, protocol, port) ? 1 : 0
              assert.equal(
                holding(boxes, address, protocol, port),
                wanted,
                `${address} ${protocol} ${port}`,
              )
            }
          }
        }
      }),
      { numRuns: 200 },
    )
  })

  const network = (bits: bigint, length: number): Admission => ({
    network: { family: 4, bits, length },
    ports: [{ protocol: 'tcp', first: 80, last: 80 }],
  })
  const spans = (admissions: readonly Admission[]): readonly (readonly bigint[])[] =>
    disjointBoxes(4, admissions).map(({ addresses: { first, last } }) => [first, last])

  test('a network within one that admits the same is no box of its own', () => {
    const found = spans([network(0x0a000000n, 24), network(0x0a000020n, 32)])
    assert.deepEqual(found, [[0x0a000000n, 0x0a0000ffn]])
  })

  test('a network more leaves those that it does not overlap as they are', () => {
    const [first, next] = [network(0x0a000000n, 25), network(0x0a000080n, 25)]
    assert.deepEqual(spans([first, next]), [...spans([first]), ...spans([next])])
  })

  test('icmp means the protocol of the family', () => {
    const ports: readonly PortRange[] = [{ protocol: 'icmp', first: 0, last: 65535 }]
    const [four] = disjointBoxes(4, [{ network: { family: 4, bits: 1n, length: 32 }, ports }])
    const [six] = disjointBoxes(6, [{ network: { family: 6, bits: 1n, length: 128 }, ports }])
    assert.deepEqual([four?.protocols.first, six?.protocols.first], [1, 58])
  })
})
