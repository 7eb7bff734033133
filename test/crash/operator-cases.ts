import assert from 'node:assert/strict'
import type { Files } from './file-tree.ts'
import { createModelDisk } from './model-disk.ts'
import {
  type CommandLine,
  type Documents,
  documentsIn,
  operatorDir,
  signCommand,
  startCommand,
} from './operator-run.ts'

/** A command that writes in the operator's folder, and the files that it finds. */
export interface OperatorCase {
  readonly name: string
  readonly files: Files
  readonly command: CommandLine
  /** Documents of the folder before the command, and after it has come to its end. */
  readonly before: Documents
  readonly after: Documents
}

const bobKeys = '/srv/op/bob'
const asBob = ['--key-dir', bobKeys]

const init: CommandLine = { argv: ['init', operatorDir, '--name', 'home'] }
const sign = signCommand
const rotate: CommandLine = { argv: ['root', 'rotate'] }
const replaceKey: CommandLine = { argv: ['root', 'rotate', '--replace-own-key'] }

/** A line of commands that all succeed: the files after them, and what the last one printed. */
async function after(
  files: Files,
  ...commands: readonly CommandLine[]
): Promise<{ readonly files: Files; readonly out: string }> {
  const model = createModelDisk(files)
  let out = ''
  for (const command of commands) {
    const said = await startCommand(model.calls, command).ended
    assert.equal(said.exit, 0, `${command.argv.join(' ')}: ${said.err}`)
    out = said.out
  }
  return { files: model.files(), out }
}

/** Every kind of write that commands make in the operator's folder. */
export async function makeOperatorCases(): Promise<readonly OperatorCase[]> {
  const bare: Files = new Map([['/srv/op/other', Buffer.from('x')]])
  const made = await after(bare, init)
  const signed = await after(made.files, sign)
  const key = await after(
    signed.files,
    { argv: ['key', 'new', 'bob', ...asBob] },
    {
      argv: ['key', 'show', 'bob', ...asBob],
    },
  )
  const addBob: CommandLine = {
    argv: ['operator', 'add', 'bob', '--key', '-', '--threshold', '2'],
    stdin: key.out,
  }
  const waiting = await after(key.files, addBob)
  const signRoot: CommandLine = { argv: ['root', 'sign', '-', ...asBob], stdin: waiting.out }
  const shared = await after(waiting.files, signRoot)
  const half = await after(shared.files, sign)
  const add: CommandLine = { argv: ['sign', '--add', '-', ...asBob], stdin: half.out }
  const abandon: CommandLine = { argv: ['root', 'rotate', '--abandon'] }
  const one = async (
    name: string,
    { files }: { readonly files: Files },
    command: CommandLine,
  ): Promise<OperatorCase> => {
    const done = await after(files, command)
    const states = { before: await documentsIn(files), after: await documentsIn(done.files) }
    return { name, files, command, ...states }
  }
  return await Promise.all([
    one('a new folder', { files: bare }, init),
    one('the first config', made, sign),
    one('a config after another', signed, sign),
    one('a rotation', signed, rotate),
    one('a rotation that replaces the own key', signed, replaceKey),
    one('a change of roles that waits for signatures', key, addBob),
    one('the last signature on a change of roles', waiting, signRoot),
    one('a rotation in place of one that waits', waiting, abandon),
    one('a config that waits for signatures', shared, sign),
    one('the last signature on a config', half, add),
  ])
}
