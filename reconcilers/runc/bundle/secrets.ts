import type { SecretFile } from '../../host-secrets.ts'
import { ownContainerFolder } from '../object/spec-fields.ts'
import type { ContainerSpec } from '../spec.ts'
import type { Account } from './accounts.ts'

/** A secret of a container, as a file. */
export interface PlacedSecret {
  readonly file: SecretFile
  /** Path of the file in the container. */
  readonly path: string
  /** The environment variable that it goes into, or null for a file only. */
  readonly variable: string | null
}

/** Path in a container of the busybox that `readingSecrets` runs. */
export const busyboxPath: string = `${ownContainerFolder}/busybox`

/** Path in a container of the file of a secret that goes into the environment. */
function variablePath(variable: string): string {
  return `${ownContainerFolder}/env/${variable}`
}

/** The secrets of a container as files that belong to its user. */
export function placedSecrets(spec: ContainerSpec, account: Account): readonly PlacedSecret[] {
  const placed: PlacedSecret[] = []
  for (const [index, use] of spec.container.secrets.entries()) {
    const { secret, path, env: variable = null } = use
    const jwe = spec.secrets.get(secret)
    const place = variable === null ? path : variablePath(variable)
    if (jwe === undefined || place === undefined) continue
    const mode = variable === null ? Number.parseInt(use.mode ?? '0400', 8) : 0o400
    const { uid, gid } = account
    const file = { name: `secret-${index}`, secret, jwe, mode, uid, gid }
    placed.push({ file, path: place, variable })
  }
  return placed
}

/** Variables that a shell sets itself. It imports only variables whose names it could use. */
const shellsOwn: readonly string[] = [
  'PWD',
  'OLDPWD',
  'SHLVL',
  'IFS',
  'OPTIND',
  'PS1',
  'PS2',
  'PS4',
]

/**
 * A command that reads secrets from files into its environment and then becomes `command`, so that
 * they appear in no `config.json` and in no arguments. It runs the host's busybox, because an image
 * may have no shell.
 */
export function readingSecrets(
  variables: readonly string[],
  command: readonly string[],
  environment: readonly string[],
): readonly string[] {
  const reads = variables.flatMap((variable) => [
    `covey_text=$(cat ${variablePath(variable)} && printf .) || exit 126`,
    // Without the dot the shell would drop line ends at the end of a secret.
    `export ${variable}="\${covey_text%.}"`,
  ])
  const unnamed = environment.filter((text) => {
    const name = text.slice(0, Math.max(0, text.indexOf('=')))
    return !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name) || shellsOwn.includes(name)
  })
  const passed = unnamed.map(quoted).join(' ')
  const script = [
    'set -f',
    ...reads,
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
    passed === ''
      ? 'exec "$covey_text" "$@"'
      : `exec ${busyboxPath} env ${passed} "$covey_text" "$@"`,
  ].join('\n')
  return [busyboxPath, 'sh', '-c', script, 'covey', ...command]
}

/** A text as one word of a shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}
