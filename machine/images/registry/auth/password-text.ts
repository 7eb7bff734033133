/** A password out of a file or a secret: the line feed that ends a file of one line is not part. */
export function passwordText(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes).replace(/\r?\n$/, '')
}
