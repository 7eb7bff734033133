import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { coveyPath, projectRoot, type VirtualHost } from './host.ts'
import { must, plainEnv } from './processes.ts'
import { until } from './waiting.ts'

const unpacked = join(projectRoot, '.build/tools')

/** The options for the server of one host. */
export interface SshServerOptions {
  /** Further lines of sshd_config(5). */
  readonly lines?: readonly string[]
  /** Put before a key in authorized_keys(8), such as `restrict`. */
  readonly keyOptions?: string
  /** A folder of the host whose programs come before those of the machine. */
  readonly path?: string
}

/** A host whose ssh server listens on all of its addresses. */
export interface SshServer {
  /** Public host key, as known_hosts(5) has it behind the name. */
  readonly hostKey: string
}

/** A machine of the operator's on the network of the lab: ssh, a key, and no agent. */
export interface Laptop {
  readonly host: VirtualHost
  readonly publicKey: string
  /** Writes its known_hosts(5), one line a name. */
  know(names: Readonly<Record<string, SshServer>>): void
}

/** Makes a virtual host into the operator's laptop: its /root is its own. */
export async function laptopOn(host: VirtualHost): Promise<Laptop> {
  const home = join(host.folder, 'var-lib/covey-lab/root')
  mkdirSync(join(home, '.ssh'), { recursive: true, mode: 0o700 })
  await host.must('mount', ['--bind', '/var/lib/covey-lab/root', '/root'])
  const key = join(home, '.ssh/id_ed25519')
  await must('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key])
  return {
    host,
    publicKey: readFileSync(`${key}.pub`, 'utf8').trim(),
    know(names) {
      const lines = Object.entries(names).map(([name, { hostKey }]) => `${name} ${hostKey}\n`)
      writeFileSync(join(home, '.ssh/known_hosts'), lines.join(''))
    },
  }
}

/** Starts an ssh server on a host that lets the laptop in as root. It ends with the host. */
export async function serveSsh(
  host: VirtualHost,
  laptop: Laptop,
  { lines = [], keyOptions, path }: SshServerOptions = {},
): Promise<SshServer> {
  const folder = join(host.folder, 'var-lib/covey-lab/ssh')
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const inside = '/var/lib/covey-lab/ssh'
  const key = join(folder, 'host_key')
  if (!existsSync(key)) await must('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key])
  const allowed = keyOptions === undefined ? '' : `${keyOptions} `
  const line = `${allowed}${laptop.publicKey}\n`
  writeFileSync(join(folder, 'authorized_keys'), line, { mode: 0o600 })
  const user = 'sshd:x:74:65534::/run/sshd:/usr/sbin/nologin\n'
  writeFileSync(join(folder, 'passwd'), readFileSync('/etc/passwd', 'utf8') + user)
  const config = [
    'Port 22',
    `HostKey ${inside}/host_key`,
    `AuthorizedKeysFile ${inside}/authorized_keys`,
    'StrictModes no',
    'PermitRootLogin prohibit-password',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    `PidFile ${inside}/pid`,
    `SetEnv PATH=${path === undefined ? '' : `${path}:`}${dirname(coveyPath)}:${plainEnv['PATH']}`,
    ...lines,
  ]
  writeFileSync(join(folder, 'sshd_config'), `${config.join('\n')}\n`)
  await host.must('mount', ['--bind', `${inside}/passwd`, '/etc/passwd'])
  await host.must('mkdir', ['-p', '/run/sshd'])
  const own = join(unpacked, 'usr/sbin/sshd')
  const program = existsSync(own) ? own : '/usr/sbin/sshd'
  const libraries = ['x86_64', 'aarch64'].map((each) => `${unpacked}/usr/lib/${each}-linux-gnu`)
  await host.must(program, ['-f', `${inside}/sshd_config`], {
    env: { LD_LIBRARY_PATH: libraries.join(':') },
  })
  await until(`sshd runs on ${host.name}`, () => existsSync(join(folder, 'pid')))
  return { hostKey: readFileSync(`${key}.pub`, 'utf8').split(' ').slice(0, 2).join(' ') }
}

/** Ends the ssh server of a host, and with it nothing but new connections. */
export async function endSsh(host: VirtualHost): Promise<void> {
  const pid = join(host.folder, 'var-lib/covey-lab/ssh/pid')
  await host.must('kill', [readFileSync(pid, 'utf8').trim()])
  await until(`sshd of ${host.name} has ended`, () => !existsSync(pid))
}
