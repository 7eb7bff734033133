import { isObject } from '../../../protocol/documents/canonical-json.ts'
import { bad, type Checked, good } from '../../../protocol/fault.ts'
import type { BundleFacts, ContainerFile } from '../../container-facts.ts'
import type { ImageReady } from '../../host-images.ts'
import { contentOf } from '../object/container-object.ts'
import type { ContainerSpec } from '../spec.ts'
import { type Account, accountOf } from './accounts.ts'
import { hardenedConfig } from './hardening/harden.ts'
import { settingsOf } from './host-settings.ts'
import { initFiles, initPath } from './init/init.ts'
import { mountNeedsOf, timeCopies, volumesOf } from './mount-needs.ts'
import { etcFiles, fileName, type Mount, mountsOf, volumesOfImage } from './mounts.ts'
import { type Config, memberOf, runtimeParts, textsOf } from './patch/members.ts'
import { mergePatch } from './patch/patch.ts'
import { commandOf, environmentOf } from './process.ts'
import { resolvConfOf } from './resolv-conf.ts'
import { limitsOf, shareOf } from './resources.ts'
import type { Bundle } from './result.ts'
import {
  checkSecretsOf,
  placedSecrets,
  readingSecrets,
  type SecretWord,
  secretWordsOf,
} from './secrets/placed.ts'
import { signalNumber } from './signals.ts'
import { inUserNamespace } from './user-namespace.ts'

const sigterm = 15

/**
 * Makes the bundle of a container from the output of `runc spec`, then covey's hardening, the
 * image's config, the object, and the object's `runtime_config`, in this order. `hosts` is the text
 * of `/etc/hosts`. Pure.
 *
 * Faults, each a reason for people: `user-unknown`, `command-missing`, `device-missing`,
 * `busybox-missing`, `init`, `open-files`, `cgroup-version`, `user-namespace`.
 */
export function makeBundle(
  spec: ContainerSpec,
  image: ImageReady,
  facts: BundleFacts,
  hosts: string,
): Checked<Bundle> {
  const { container } = spec
  const account = accountOf(container.user ?? image.config.user, image, container.group_add)
  if (!account.ok) return account
  const command = commandOf(container, image.config)
  if (!command.ok) return command
  const share = shareOf(container, facts)
  if (!share.ok) return share
  const secrets = placedSecrets(spec, account.value)
  const reading = secrets.flatMap((each) => each.reading)
  if (reading.length > 0 && facts.busybox === null) {
    const message = 'secrets in an environment need a static busybox on this host'
    return bad('busybox-missing', `${message} (on Debian: apt install busybox-static)`)
  }
  const hostname = container.hostname ?? spec.object
  if (container.init && initFiles(facts.architecture).length === 0) {
    return bad('init', `covey has no init for ${facts.architecture}, only for x64 and arm64`)
  }
  const runtime = runtimeParts(facts.runtimeSpec)
  const environment = environmentOf(runtime.env, container, image.config, account.value, hostname)
  const mounts = mountsOf(runtime.mounts as readonly Mount[], {
    ...{
      container,
      volumePaths: spec.volumePaths,
      image: image.config,
      facts,
      account: account.value,
      secrets,
    },
  })
  const config = hardenedConfig(facts, {
    ...{ runtime, spec, account: account.value, share: share.value, hostname, mounts },
    args: command.value,
    env: [...environment].map(([name, value]) => `${name}=${value}`),
    cwd: container.working_dir ?? (image.config.workingDir || '/'),
  })
  const words = secretWordsOf(container, image.config.entrypoint, ['command', 'args'])
  const patched = patchedConfig(config, spec, facts, { reading, words })
  if (!patched.ok) return patched
  const signal = signalNumber(container.stop_signal ?? image.config.stopSignal ?? '')
  const bundle: Bundle = {
    config: patched.value.config,
    files: filesOf(spec, account.value, hostname, hosts, facts),
    secrets: secrets.map(({ file }) => file),
    checkSecrets: patched.value.checkSecrets,
    volumes: volumesOf(spec, account.value),
    mountNeeds: mountNeedsOf(spec, account.value),
    folders: volumesOfImage(image.config).map((path) => ({ path, uid: 0, gid: 0 })),
    stopSignal: signal ?? sigterm,
    hostSettings: settingsOf(container).host,
  }
  return container.user_namespace ? inUserNamespace(bundle, account.value, facts) : good(bundle)
}

/** The way by which secrets get into a container's process. */
interface ReadingInit {
  readonly reading: readonly string[]
  readonly words: readonly SecretWord[]
}

/**
 * Applies the object's own patch, which its schema has checked. Process limits that the patch
 * leaves out stay, and whatever the patch runs gets the secrets in its environment.
 */
function patchedConfig(
  config: Config,
  spec: ContainerSpec,
  facts: BundleFacts,
  { reading, words }: ReadingInit,
): Checked<Pick<Bundle, 'config' | 'checkSecrets'>> {
  const merged = mergePatch(config, spec.container.runtime_config)
  const patched = isObject(merged) ? merged : {}
  const { args, env, rlimits, ...rest } = memberOf(patched, 'process')
  const limits = limitsOf(rlimits, spec.container, facts)
  if (!limits.ok) return limits
  const before = reading.length === 0 ? [] : readingSecrets(reading, textsOf(env), words)
  const first = spec.container.init ? [initPath, ...before] : before
  const command = first.length === 0 ? args : [...first, ...textsOf(args)]
  return good({
    config: { ...patched, process: { ...rest, args: command, env, rlimits: limits.value } },
    checkSecrets: checkSecretsOf(spec.container, reading, textsOf(env)),
  })
}

/** Files from outside the layers: those in /etc, and the object's own. */
function filesOf(
  spec: ContainerSpec,
  account: Account,
  hostname: string,
  hosts: string,
  facts: BundleFacts,
): readonly ContainerFile[] {
  const { container, attachment } = spec
  const resolvers = resolvConfOf(facts, attachment?.address.family ?? null, container.dns)
  const contents = new Map([
    ['hosts', hosts],
    ['resolv.conf', resolvers],
    ['hostname', `${hostname}\n`],
  ])
  const etc = [...etcFiles.values()].map((name) => {
    return { name, content: contents.get(name) ?? '', mode: 0o644, uid: 0, gid: 0 }
  })
  const own = container.files.map((file, index) => {
    const { uid = account.uid, gid = account.gid } = file
    const mode = Number.parseInt(file.mode, 8)
    return { name: fileName(index), content: contentOf(file), mode, uid, gid }
  })
  const init = container.init ? initFiles(facts.architecture) : []
  return [...etc, ...own, ...timeCopies(spec, facts.time), ...init]
}
