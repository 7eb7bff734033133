import type { CheckSecrets, SecretFile } from '../../../host-secrets.ts'
import type { ContainerObject, SecretUse } from '../../object/container-object.ts'
import { ownContainerFolder } from '../../object/spec-fields.ts'
import type { ContainerSpec } from '../../spec.ts'
import type { Account } from '../accounts.ts'
import { isPassedOn, quoted, wordVariable } from './variables.ts'

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
    const { words } = use
    const file = {
      ...plain,
      ...(use.env_all ? { isVariables: true as const } : {}),
      ...(words === undefined ? {} : { words }),
    }
    placed.push({ file, ...place })
  }
  return placed
}

/** Path of a secret in its container, and the lines that read it there. */
function placeOf(
  { path, env, env_all, words }: SecretUse,
  index: number,
): Omit<PlacedSecret, 'file'> | undefined {
  if (env !== undefined) {
    const from = `${ownContainerFolder}/env/${env}`
    const reading = [
      `covey_text=$(cat ${from} && printf .) || exit 126`,
      // Without the dot the shell would drop line ends at the end of a secret.
      ...(isPassedOn(env)
        ? [`export ${env}="\${covey_text%.}"`]
        : [
            `unset covey_own_${index}; covey_own_${index}="\${covey_text%.}"`,
            `covey_words="$covey_words \\"${env}=\\$covey_own_${index}\\""`,
          ]),
    ]
    return { path: from, reading }
  }
  if (env_all) {
    const from = `${ownContainerFolder}/variables-${index}`
    return { path: from, reading: [`. ${from} || exit 126`] }
  }
  if (words !== undefined) {
    const from = `${ownContainerFolder}/words-${index}`
    return { path: from, reading: [`. ${from} || exit 126`] }
  }
  return path === undefined ? undefined : { path, reading: [] }
}

/** A secret that takes the place of a word of a command. */
export interface SecretWord {
  /** As in the object, `args.2`. */
  readonly place: string
  /** Index among all words of the command. */
  readonly index: number
}

/** The words of a container's first program, or of its health check, that are secrets. */
export function secretWordsOf(
  { command, secrets }: ContainerObject,
  entrypoint: readonly string[],
  fields: readonly string[],
): readonly SecretWord[] {
  const before = (command ?? entrypoint).length
  return secrets.flatMap(({ words = [] }) =>
    words.flatMap((place) => {
      const [field = '', number] = place.split('.')
      if (!fields.includes(field)) return []
      return { place, index: Number(number) + (field === 'args' ? before : 0) }
    }),
  )
}

/**
 * The words that stand before a command, so that secrets are read from files into its environment
 * and among its words, and appear in no `config.json`. It runs the host's busybox, because an image
 * may have no shell.
 */
export function readingSecrets(
  reading: readonly string[],
  environment: readonly string[],
  words: readonly SecretWord[],
): readonly string[] {
  const unnamed = environment.filter((text) => {
    return !isPassedOn(text.slice(0, Math.max(0, text.indexOf('='))))
  })
  const isNamed = words.every(({ index }) => index > 0)
  const missing = isNamed
    ? 'printf \'covey: %s is not in any folder of PATH, which is "%s"\\n\' "$1" "$PATH" >&2'
    : "printf 'covey: the program, whose name is a secret, is not there\\n' >&2"
  // The shell itself tells the name of what it cannot run.
  const found = isNamed ? '' : ` [ -f "$1" ] && [ -x "$1" ] || { ${missing}; exit 127; }`
  const script = [
    'set -f',
    `covey_words=${quoted(unnamed.map(quoted).join(' '))}`,
    ...reading,
    ...placingWords(words),
    'covey_text=$1',
    `case $1 in */*)${found} ;; *)`,
    '  covey_text=',
    '  IFS=:',
    '  for covey_folder in $PATH; do',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell's own syntax
    '    covey_file="${covey_folder:-.}/$1"',
    '    if [ -f "$covey_file" ] && [ -x "$covey_file" ]; then covey_text=$covey_file; break; fi',
    '  done',
    '  if [ -z "$covey_text" ]; then',
    `    ${missing}`,
    '    exit 127',
    '  fi ;;',
    'esac',
    'shift',
    'unset PWD OLDPWD SHLVL',
    'if [ -z "$covey_words" ]; then exec "$covey_text" "$@"; fi',
    `eval "exec ${busyboxPath} env $covey_words \\"\\$covey_text\\" \\"\\$@\\""`,
  ].join('\n')
  return [busyboxPath, 'sh', '-c', script, 'covey']
}

/** Lines of a shell that put secrets among its words. */
function placingWords(words: readonly SecretWord[]): readonly string[] {
  if (words.length === 0) return []
  const cases = words.map(({ place, index }) => `${index}) covey_text=$${wordVariable(place)} ;;`)
  return [
    'covey_index=0',
    'for covey_text in "$@"; do',
    `  case $covey_index in ${cases.join(' ')} esac`,
    '  set -- "$@" "$covey_text"',
    '  shift',
    '  covey_index=$((covey_index + 1))',
    'done',
  ]
}

/** The way by which commands of health checks get the secrets of a container; null for none. */
export function checkSecretsOf(
  container: ContainerObject,
  reading: readonly string[],
  environment: readonly string[],
): CheckSecrets | null {
  if (reading.length === 0) return null
  const words = secretWordsOf(container, [], ['health'])
  return { before: readingSecrets(reading, environment, words), isSilent: words.length > 0 }
}
