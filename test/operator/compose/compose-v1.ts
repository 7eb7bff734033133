import { execFileSync } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { parse } from 'yaml'

/** A service as Debian's docker-compose 1.29 prints it. */
export type OracleService = Readonly<Record<string, unknown>>

/** Writes files and asks docker-compose 1.29 what it makes of them; a text where it refuses. */
export async function askComposeV1(
  folder: string,
  files: Readonly<Record<string, string>>,
  names: readonly string[],
): Promise<ReadonlyMap<string, OracleService> | string> {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true })
    await writeFile(join(folder, name), text)
  }
  const named = names.flatMap((name) => ['-f', name])
  try {
    const printed = execFileSync('docker-compose', [...named, 'config'], {
      cwd: folder,
      env: { PATH: process.env['PATH'] ?? '', HOME: folder },
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    // It doubles each $, so that its output could be read again.
    const { services } = parse(printed.replaceAll('$$', '$'))
    return new Map(Object.entries(services))
  } catch (error) {
    if (error instanceof Error && 'stderr' in error) return String(error.stderr)
    throw error
  }
}

/** Version of docker-compose here; another than 1.29 is no oracle for these tests. */
export function composeVersion(): string {
  return execFileSync('docker-compose', ['version', '--short'], { encoding: 'utf8' }).trim()
}
