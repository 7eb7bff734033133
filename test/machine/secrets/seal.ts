import { CompactEncrypt, type JWK } from 'jose'

/** Seals a text as an operator does; `change` damages the protected header. */
export async function sealText(
  text: string,
  key: JWK,
  claims: object,
  change: object = {},
): Promise<string> {
  const header = { alg: 'ECDH-ES', enc: 'A256GCM', typ: 'covey-secret+jwe', ...claims, ...change }
  const { kty, crv, x, y } = key
  const target = Object.fromEntries(Object.entries({ kty, crv, x, y }).filter(([, v]) => v))
  return await new CompactEncrypt(Buffer.from(text)).setProtectedHeader(header).encrypt(target)
}
