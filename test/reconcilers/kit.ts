import type { CommandResult } from '../../reconcilers/host-ports.ts'
import { createFakeHost as createBareHost, type FakeHost } from './fake/host.ts'

/**
 * The test kit for authors of reconcilers, exported as `covey/testing` (docs/PLUGINS.md): the suite
 * that every reconciler has to pass, and a host that is only a model.
 */
export { type ContractHost, type ContractSubject, contractSuite } from './contract-suite.ts'
export type { FakeHost } from './fake/host.ts'

/** A tool that is played: its arguments and stdin in, its result out. */
export type FakeTool = (args: readonly string[], stdin: string) => CommandResult

/** The settings of a model of a host. */
export interface FakeHostInit {
  /** Tools that covey's own model does not play, or plays in another way, by name. */
  readonly tools?: Readonly<Record<string, FakeTool>>
}

/** Makes a host with nothing on it; tools that nobody plays are refused loudly. */
export function createFakeHost({ tools = {} }: FakeHostInit = {}): FakeHost {
  const bare = createBareHost()
  const run: FakeHost['ports']['run'] = async (command, signal) => {
    const play = Object.hasOwn(tools, command.tool) ? tools[command.tool] : undefined
    if (play === undefined) return await bare.ports.run(command, signal)
    signal.throwIfAborted()
    bare.commands.push([command.tool, ...command.args].join(' '))
    return play(command.args, command.stdin ?? '')
  }
  return { ...bare, ports: { ...bare.ports, run } }
}
