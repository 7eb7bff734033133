import { exportProject } from '../../docker/exported-project.ts'
import { cleanPath } from '../../docker/remote-files.ts'
import { writeProject } from '../../docker/write-project.ts'
import { openFolder } from '../../folder/folder.ts'
import { readLayout } from '../../folder/layout-files.ts'
import { createSecretsOpener } from '../../secrets/open-secrets.ts'
import { Failure } from '../../terminal/failure.ts'
import type { Session } from '../../terminal/session.ts'
import { shellWord } from '../../terminal/shell-word.ts'
import { counted } from '../../terminal/style.ts'
import type { Input } from '../definition.ts'

/**
 * `covey export compose [STACK]`: writes the files by which Docker runs a stack with the data, the
 * ports and the users that it has with covey, into a folder that must not be there yet.
 */
export async function exportCompose(session: Session, input: Input): Promise<void> {
  const [stack = ''] = input.args
  const folder = await openFolder(session)
  const files = await readLayout(session, folder.shown('cluster.yaml'))
  const output = input.text('output') ?? `${stack === '' ? 'services' : stack}-compose`
  if ((await session.io.files.look(session.path(output))) !== null) {
    throw new Failure(
      4,
      'export-exists',
      `${output} is there already, and nothing is overwritten`,
      {
        hint: 'name a new folder: -o DIR',
      },
    )
  }
  const stateDir = input.text('state') ?? '/var/lib/covey'
  if (cleanPath(stateDir) !== stateDir) {
    throw new Failure(2, 'usage', `--state ${stateDir}: must be an absolute path of the host`)
  }
  const openSecrets = createSecretsOpener(session, files.layout.secrets)
  const exported = await exportProject(session, files, {
    stack,
    host: input.text('host'),
    stateDir,
    open: openSecrets,
  })
  const written = await writeProject(session, session.path(output), exported.files)
  const { host, below, override } = exported
  const place = below === '' ? output : `${output}/${below}`
  const width = Math.max(0, ...override.places.map(({ name }) => name.length))
  const secrets = written.filter(({ isSecret }) => isSecret).map(({ path }) => path)
  const lines = [
    `${output}: ${counted(written.length, 'file')} for Docker on ${host}`,
    ...override.places.map(({ name, path }) => `  ${name.padEnd(width)}  ${path}`),
    ...(secrets.length === 0 ? [] : [`it holds secrets: ${secrets.join(', ')}`]),
    ...override.notes.map((note) => `note: ${note}`),
    `next: take the stack out of the layout, covey apply, copy ${shellWord(place)} to ${host},`,
    '      and there: docker compose up -d',
  ]
  session.result(
    {
      folder: output,
      host,
      files: written.map(({ path }) => path),
      places: override.places,
      notes: override.notes,
    },
    lines.map((line) => `${line}\n`).join(''),
  )
}
