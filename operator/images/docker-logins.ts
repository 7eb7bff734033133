import { join } from 'node:path'
import { execa } from 'execa'
import * as z from 'zod'
import type { Login } from '../../machine/images/registry/types.ts'
import { parseRegistryName } from '../../reconcilers/images/registry-name.ts'
import { helperMs, helperOutputBytesMax, loginFileBytesMax } from '../limits.ts'
import { Failure, systemCode, systemReason } from '../terminal/failure.ts'
import type { Session } from '../terminal/session.ts'

/** A file that `docker login` or `podman login` writes; other members are theirs. */
interface LoginFile {
  readonly auths?: Readonly<Record<string, { readonly auth?: string | undefined }>> | undefined
  readonly credsStore?: string | undefined
  readonly credHelpers?: Readonly<Record<string, string>> | undefined
}

const fileSchema: z.ZodType<LoginFile> = z.object({
  auths: z.record(z.string(), z.object({ auth: z.string().optional() })).optional(),
  credsStore: z.string().optional(),
  credHelpers: z.record(z.string(), z.string()).optional(),
})

/** The key of the Docker Hub in those files, and what its helper is asked for. */
const dockerHubKey = 'https://index.docker.io/v1/'

/**
 * Finds the login that docker or podman keep for a registry on this machine: a helper of its own,
 * the entry of the file, then the common helper, as docker looks for it. Null where there is none.
 *
 * Throws `Failure` `logins` where a file or a helper cannot be used.
 */
export async function dockerLogin(session: Session, registry: string): Promise<Login | null> {
  for (const path of loginFiles(session)) {
    const file = await readLogins(session, path)
    if (file === null) continue
    const key = keyOf(file, registry)
    const own = Object.entries(file.credHelpers ?? {}).find(([name]) => isFor(name, registry))
    if (own !== undefined) return await helperLogin(session, own[1], own[0])
    const login = loginIn(path, file.auths?.[key]?.auth)
    if (login !== null) return login
    if (file.credsStore === undefined) continue
    const found = await helperLogin(session, file.credsStore, key)
    if (found !== null) return found
  }
  return null
}

/** Paths of the files in the order in which they are asked; podman's first, as podman does. */
function loginFiles(session: Session): readonly string[] {
  const { env } = session.io
  const { HOME: home, XDG_RUNTIME_DIR: run, REGISTRY_AUTH_FILE: named, DOCKER_CONFIG: dir } = env
  const docker = dir || (home ? join(home, '.docker') : undefined)
  return [
    ...(named ? [named] : []),
    ...(run ? [join(run, 'containers/auth.json')] : []),
    ...(docker === undefined ? [] : [join(docker, 'config.json')]),
  ].map((path) => session.path(path))
}

async function readLogins(session: Session, path: string): Promise<LoginFile | null> {
  let text: string
  try {
    const bytes = await session.io.files.read(path, loginFileBytesMax + 1)
    if (bytes.length > loginFileBytesMax) throw unusable(path, 'too large')
    text = new TextDecoder().decode(bytes)
  } catch (error) {
    if (error instanceof Failure) throw error
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return null
    throw unusable(path, systemReason(error))
  }
  if (text.trim() === '') return null
  const parsed = fileSchema.safeParse(parsedJson(text))
  if (!parsed.success) throw unusable(path, 'not a file of docker or podman logins')
  return parsed.data
}

/** The key of a registry in a file; the name that docker gives a new one where it has none. */
function keyOf({ auths }: LoginFile, registry: string): string {
  const key = Object.keys(auths ?? {}).find((each) => isFor(each, registry))
  return key ?? (registry === 'docker.io' ? dockerHubKey : registry)
}

/** True where a key names a registry: `ghcr.io`, `https://ghcr.io`, `https://ghcr.io/v2/`. */
function isFor(key: string, registry: string): boolean {
  const [host = ''] = key.replace(/^https?:\/\//, '').split('/')
  const name = parseRegistryName(host)
  return name.ok && name.value === registry
}

function loginIn(path: string, auth: string | undefined): Login | null {
  if (auth === undefined || auth === '') return null
  const text = Buffer.from(auth, 'base64').toString()
  const colon = text.indexOf(':')
  if (colon < 1) throw unusable(path, 'an entry of "auths" is damaged')
  return { username: text.slice(0, colon), password: text.slice(colon + 1).replace(/\0+$/, '') }
}

/** Asks `docker-credential-NAME get`, which reads a server and prints JSON. */
async function helperLogin(session: Session, name: string, server: string): Promise<Login | null> {
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(name)) throw unusable('docker', 'the name of a helper is odd')
  const program = `docker-credential-${name}`
  const { io } = session
  const result = await execa(program, ['get'], {
    input: server,
    env: { ...io.env } as Readonly<Record<string, string>>,
    extendEnv: false,
    reject: false,
    timeout: helperMs,
    maxBuffer: helperOutputBytesMax,
  })
  if (result.exitCode === undefined) throw unusable(program, 'it does not run, or does not end')
  // Helpers say so on stdout and end with 1.
  if (result.exitCode !== 0) {
    if (/not found/i.test(`${result.stdout}${result.stderr}`)) return null
    throw unusable(program, `it ended with exit code ${result.exitCode}`)
  }
  const { Username: username, Secret: password } = Object(parsedJson(result.stdout))
  if (typeof username !== 'string' || typeof password !== 'string') {
    throw unusable(program, 'it printed no login')
  }
  if (username === '<token>') {
    throw unusable(program, 'it keeps an identity token, and covey needs a user and a password')
  }
  return username === '' ? null : { username, password }
}

/** The value of a JSON text; undefined where it is none. */
function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function unusable(what: string, why: string): Failure {
  return new Failure(1, 'logins', `cannot read the logins of registries: ${what}: ${why}`, {
    hint: 'log in again with docker login or podman login',
  })
}
