/**
 * Node opens its debugger at SIGUSR1, on a port that every user of this machine reaches, and this
 * process holds an operator's keys. `bin/covey` starts Node with `--disable-sigusr1`; this is for
 * whoever starts it in another way, and so it is loaded before everything else.
 */
process.on('SIGUSR1', () => {})

export {}
