import type { Mutation } from './mutation.ts'

/** Faults in what the command and the agent show, and in what they let be done to their process. */
export const terminalMutations: readonly Mutation[] = [
  {
    name: 'text-leaves-as-it-came',
    breaks: 'What an agent says reaches the terminal of an operator as commands.',
    file: 'operator/terminal/controls.ts',
    find: "part.split('\\n').map(printable)",
    replace: "part.split('\\n')",
    caughtBy: { test: 'test/operator/terminal-escapes.test.ts' },
  },
  {
    name: 'agents-make-up-lines',
    breaks: 'A line feed in what an agent says begins a line that looks like one of covey.',
    file: 'operator/agent-client/heard.ts',
    find: "typeof value === 'string' ? oneLine(value) : value",
    replace: 'value',
    caughtBy: { test: 'test/operator/terminal-escapes.test.ts' },
  },
  {
    name: 'json-keeps-c1',
    breaks: 'C1 control characters stand in JSON as they are, which a terminal may obey.',
    file: 'protocol/printable.ts',
    find: '[\\u007f-\\u009f\\p{Cf}\\u2028\\u2029]',
    replace: '[\\u007f]',
    caughtBy: { test: 'test/operator/text.test.ts' },
  },
  {
    name: 'logs-turn-text-around',
    breaks: 'A log shows its text in another order than it has.',
    file: 'operator/terminal/log-text.ts',
    find: '[\\p{Cc}\\p{Bidi_Control}\\u2028\\u2029]',
    replace: '[\\p{Cc}]',
    caughtBy: { test: 'test/operator/containers.test.ts' },
  },
  {
    name: 'debugger-at-sigusr1',
    breaks: 'SIGUSR1 opens the debugger of Node in the agent.',
    file: 'bin/covey',
    find: 'exec "$node" --disable-sigusr1 "$main"',
    replace: 'exec "$node" "$main"',
    caughtBy: { test: 'test/agent/signals.test.ts' },
  },
  {
    name: 'environment-loads-code',
    breaks: 'NODE_OPTIONS opens a debugger in the agent, or loads code into it.',
    file: 'bin/covey',
    find: 'unset NODE_OPTIONS ',
    replace: 'unset ',
    caughtBy: { test: 'test/agent/signals.test.ts' },
  },
  {
    name: 'hangup-ends-the-agent',
    breaks: 'SIGHUP ends the agent.',
    file: 'agent/commands/agent.ts',
    find: "['SIGHUP', 'SIGUSR1', 'SIGUSR2']",
    replace: "['SIGUSR1', 'SIGUSR2']",
    caughtBy: { test: 'test/agent/signals.test.ts' },
  },
]
