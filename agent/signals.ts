/**
 * Loaded before everything else, so that no signal finds Node's own answer to it. At SIGUSR1 Node
 * opens its debugger, on a port that every user of this machine reaches; `bin/covey` starts Node
 * with `--disable-sigusr1`, and this is for whoever starts it in another way. An agent goes on at
 * SIGHUP and SIGUSR2 as well, which end a process by default: people send them to daemons to have
 * files read or opened again. What is said of them is in `commands/agent.ts`.
 */
process.on('SIGUSR1', () => {})
if (process.argv[2] === 'agent') {
  for (const signal of ['SIGHUP', 'SIGUSR2'] as const) process.on(signal, () => {})
}

export {}
