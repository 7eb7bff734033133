import type { Config } from '../../../protocol/documents/config.ts'
import { writeWhole } from '../../files/write-file.ts'
import { openFolder } from '../../folder/folder.ts'
import { type LayoutFiles, readLayout } from '../../folder/layout-files.ts'
import { type Compiled, cardlessFaults, compileLayout } from '../../layout/compile.ts'
import { configFaults } from '../../signing/draft.ts'
import { expectNoFaults } from '../../sources/located.ts'
import { jsonText, type Session } from '../../terminal/session.ts'
import { counted } from '../../terminal/style.ts'
import type { Input } from '../definition.ts'

/** `covey compile`. */
export async function compileFile(session: Session, input: Input): Promise<void> {
  const named = input.text('file')
  const path = named ?? (await openFolder(session)).shown('cluster.yaml')
  const { hosts, warnings } = await compileChecked(session, path)
  const text = jsonText({ hosts })
  const output = input.text('output')
  if (output === undefined || output === '-') session.io.out(text)
  else {
    await writeWhole(session.io.files, session.path(output), text)
    const names = Object.keys(hosts)
    session.result(
      { file: output, hosts: names, warnings },
      `${output}: ${counted(names.length, 'host')}\n`,
    )
  }
}

/** Compiles a layout and prints its warnings. Throws `Failure` with all faults. */
export async function compileChecked(
  session: Session,
  path: string,
): Promise<{
  readonly hosts: Config['hosts']
  readonly warnings: readonly string[]
  readonly cluster: string
}> {
  const files = await readLayout(session, path)
  const compiled = await compileLayout(files.layout, files.lock)
  expectCompiled(files, compiled, cardlessFaults(compiled))
  for (const warning of compiled.warnings) session.warn(warning)
  return { hosts: compiled.hosts, warnings: compiled.warnings, cluster: files.layout.cluster }
}

/** Throws the faults of a layout: its own, or those of the compiled config. */
export function expectCompiled(
  files: LayoutFiles,
  compiled: Compiled,
  others: readonly {
    readonly code: string
    readonly message: string
    readonly path?: string
  }[] = [],
): void {
  expectNoFaults(files.yaml, [...compiled.faults, ...others])
  expectNoFaults(files.yaml, configFaults({ hosts: compiled.hosts }))
}
