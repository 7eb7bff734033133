import assert from 'node:assert/strict'
import { createHash, createPublicKey, verify } from 'node:crypto'

/** A role of a root document, as its payload has it. */
interface Role {
  readonly threshold: number
  readonly keys: Readonly<
    Record<string, { readonly name: string; readonly jwk: { readonly x: string } }>
  >
}

/** A root document whose signatures were verified. */
export interface CheckedRoot {
  readonly digest: string
  readonly root: {
    readonly epoch: number
    readonly previous: string | readonly string[] | null
    readonly root: Role
    readonly config: Role
  }
}

/** An envelope as it stands in a file. */
interface Signed {
  readonly payload: string
  readonly signatures: readonly { readonly protected: string; readonly signature: string }[]
}

/** The distinct keys of a role with a good signature; node:crypto alone is the judge. */
export function signersOf(
  kind: 'root' | 'config',
  signed: Signed,
  role: Role | undefined,
): string[] {
  const kids = signed.signatures.flatMap(({ protected: header, signature }) => {
    const { alg, typ, kid } = JSON.parse(Buffer.from(header, 'base64url').toString())
    assert.deepEqual([alg, typ], ['Ed25519', `covey-${kind}+jwt`])
    const x = role?.keys[kid]?.jwk.x
    if (x === undefined) return []
    const members = JSON.stringify({ crv: 'Ed25519', kty: 'OKP', x })
    assert.equal(createHash('sha256').update(members).digest('base64url'), kid)
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
    const input = Buffer.from(`${header}.${signed.payload}`)
    assert.ok(verify(null, input, key, Buffer.from(signature, 'base64url')), 'a bad signature')
    return [kid]
  })
  return [...new Set(kids)]
}

function read(signed: Signed): CheckedRoot {
  const bytes = Buffer.from(signed.payload, 'base64url')
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`
  return { digest, root: JSON.parse(bytes.toString()) }
}

/** Asserts that each root follows the one before it, signed by a threshold of both. */
export function verifiedChain(roots: readonly Signed[]): readonly CheckedRoot[] {
  const chain: CheckedRoot[] = []
  for (const signed of roots) {
    const one = read(signed)
    const before = chain.at(-1)
    assert.equal(one.root.epoch, chain.length + 1)
    assert.equal(one.root.previous, before?.digest ?? null)
    for (const role of [before?.root.root, one.root.root]) {
      if (role === undefined) continue
      assert.ok(signersOf('root', signed, role).length >= role.threshold, 'too few have signed')
    }
    chain.push(one)
  }
  return chain
}
