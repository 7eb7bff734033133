import type { SecretFile } from '../../../host-secrets.ts'
import type { SecretUse } from '../../object/container-object.ts'
import { ownContainerFolder } from '../../object/spec-fields.ts'
import type { ContainerSpec } from '../../spec.ts'
import type { Account } from '../accounts.ts'
import { isPassedOn, quoted } from './variables.ts'

/** A secret of a container, as a file. */
export interface PlacedSecret {
  readonly file: SecretFile
  /** Path of the file in the container. */
  readonly path: string
  /** Lines of a shell that take it into the environment; none where the file is all. */
  readonly reading: readonly string[]
}

/** Path in a container of the busybox that `readingSecrets` runs. */
export const busyboxPath: string = `${ownContainerFolder}/busybox`

/** The secrets of a container as files. They belong to its user unless the object names another. */
export function placedSecrets(spec: ContainerSpec, account: Account): readonly PlacedSecret[] {
  const placed: PlacedSecret[] = []
  for (const [index, use] of spec.container.secrets.entries()) {
    const jwe = spec.secrets.get(use.secret)
    const place = placeOf(use, index)
    if (jwe === undefined || place === undefined) continue
    const mode = Number.parseInt(use.mode ?? '0400', 8)
    const { uid = account.uid, gid = account.gid } = use
    const plain = { name: `secret-${index}`, secret: use.secret, jwe, mode, uid, gid }
    const file = use.env_all ? { ...plain, isVariables: true as const } : plain
    placed.push({ file, ...place })
  }
  return placed
}

/** Path of a secret in its container, and the lines that read it there. */
function placeOf(
  { path, env, env_all }: SecretUse,
  index: number,
): Omit<PlacedSecret, 'file'> | undefined {
  if (env !== undefined) {
    const from = `${ownContainerFolder}/env/${env}`
    const reading = [
      `covey_text=$(cat ${from} && printf .) || exit 126`,
      // Without the dot the shell would drop line ends at the end of a secret.
      `export ${env}="\${covey_text%.}"`,
    ]
    return { path: from, reading }
  }
  if (env_all) {
    const from = `${ownContainerFolder}/variables-${index}`
    return { path: from, reading: [`. ${from} || exit 126`] }
  }
  return path === undefined ? undefined : { path, reading: [] }
}

/**
 * A command that reads secrets from files into its environment and then becomes `command`, so that
 * they appear in no `config.json` and in no arguments. It runs the host's busybox, because an image
 * may have no shell.
 */
export function readingSecrets(
  reading: readonly string[],
  command: readonly string[],
  environment: readonly string[],
): readonly string[] {
  const unnamed = environment.filter((text) => {
    return !isPassedOn(text.slice(0, Math.max(0, text.indexOf('='))))
  })
  const script = [
    'set -f',
    `covey_words=${quoted(unnamed.map(quoted).join(' '))}`,
    ...reading,
    'covey_text=$1',
    'case $1 in */*) ;; *)',
    '  covey_text=',
    '  IFS=:',
    '  for covey_folder in $PATH; do',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's own syntax
    '    covey_file="${covey_folder:-.}/$1"',
    '    if [ -f "$covey_file" ] && [ -x "$covey_file" ]; then covey_text=$covey_file; break; fi',
    '  done',
    '  if [ -z "$covey_text" ]; then',
    '    printf \'covey: %s is not in any folder of PATH, which is "%s"\\n\' "$1" "$PATH" >&2',
    '    exit 127',
    '  fi ;;',
    'esac',
    'shift',
    'unset PWD OLDPWD SHLVL',
    'if [ -z "$covey_words" ]; then exec "$covey_text" "$@"; fi',
    `eval "exec ${busyboxPath} env $covey_words \\"\\$covey_text\\" \\"\\$@\\""`,
  ].join('\n')
  return [busyboxPath, 'sh', '-c', script, 'covey', ...command]
}
