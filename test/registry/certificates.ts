import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'

/** A key and the certificate for it, as files (PEM) and the certificate's bytes (DER). */
export interface Certificate {
  readonly keyFile: string
  readonly certFile: string
  readonly der: Buffer
}

/** An authority of one's own, which no machine trusts unless it is told to. */
export interface Authority {
  readonly certFile: string
  /** A certificate for these names and addresses. */
  issue(name: string, subjects: readonly string[]): Certificate
}

const days = '30'

function openssl(args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] })
}

function newKey(keyFile: string): readonly string[] {
  const curve = ['-pkeyopt', 'ec_paramgen_curve:prime256v1']
  return ['-newkey', 'ec', ...curve, '-nodes', '-keyout', keyFile, '-days', days]
}

function derOf(certFile: string): Buffer {
  const base64 = readFileSync(certFile, 'utf8').replaceAll(/-----[^-]+-----|\s/g, '')
  return Buffer.from(base64, 'base64')
}

/** Makes an authority whose files lie in `folder`. */
export function createAuthority(folder: string): Authority {
  const keyFile = join(folder, 'ca.key')
  const certFile = join(folder, 'ca.crt')
  openssl(['req', '-x509', ...newKey(keyFile), '-out', certFile, '-subj', '/CN=covey tests'])
  return {
    certFile,
    issue(name, subjects) {
      const files = { keyFile: join(folder, `${name}.key`), certFile: join(folder, `${name}.crt`) }
      const names = subjects.map((each) => `${isIP(each) === 0 ? 'DNS' : 'IP'}:${each}`)
      const requestFile = join(folder, `${name}.csr`)
      const extensions = join(folder, `${name}.ext`)
      writeFileSync(extensions, `subjectAltName=${names.join(',')}\nbasicConstraints=CA:FALSE\n`)
      openssl(['req', ...newKey(files.keyFile), '-out', requestFile, '-subj', `/CN=${name}`])
      const signer = ['-CA', certFile, '-CAkey', keyFile, '-CAcreateserial', '-days', days]
      const request = ['x509', '-req', '-in', requestFile, '-extfile', extensions]
      openssl([...request, ...signer, '-out', files.certFile])
      return { ...files, der: derOf(files.certFile) }
    },
  }
}
