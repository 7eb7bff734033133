import { Failure } from '../terminal/failure.ts'
import { destinationText, type SshDestination, sshCommandText } from './destination.ts'

/** Words of ssh, in the C locale, and what they mean; the first that is found counts. */
const meanings: readonly (readonly [RegExp, (to: SshDestination) => Failure])[] = [
  [/HOST IDENTIFICATION HAS CHANGED/, changedKey],
  [/Host key verification failed/, unknownKey],
  [/Permission denied|Too many authentication failures/, denied],
  [/Could not resolve hostname/, (to) => away(to, 'its name is not known')],
  [/Connection refused/, (to) => away(to, 'no ssh server listens there')],
  [/timed out|Timeout, server/, (to) => away(to, 'it does not answer')],
  [/No route to host|Network is unreachable/, (to) => away(to, 'there is no way to it')],
  [/Bad configuration option|terminating, \d+ bad/, badConfig],
]

const unreachableCode = 'ssh-unreachable'

/** Translates a failure of ssh; `words` is what it wrote to stderr. */
export function sshFailure(to: SshDestination, words: string): Failure {
  const found = meanings.find(([pattern]) => pattern.test(words))
  const cause = new Error(words.trim())
  const failure = found?.[1](to) ?? away(to, 'ssh ended without a connection')
  return new Failure(failure.exit, failure.code, failure.message, {
    ...(failure.hint === undefined ? {} : { hint: failure.hint }),
    cause,
  })
}

function changedKey(to: SshDestination): Failure {
  const message = `${destinationText(to)} has another host key than the one that ssh knows`
  return new Failure(4, 'ssh-host-key', message, {
    hint: 'if it was set up anew: ssh-keygen -R HOST, and look at the new key; else stay away',
  })
}

function unknownKey(to: SshDestination): Failure {
  const message = `the host key of ${destinationText(to)} is not known to ssh yet`
  return new Failure(4, 'ssh-host-key', message, {
    hint: `look at it and take it: ${sshCommandText(to)}`,
  })
}

function denied(to: SshDestination): Failure {
  return new Failure(4, 'ssh-denied', `${destinationText(to)} does not let you in`, {
    hint: `${sshCommandText(to)} must work without a password: a key in ~/.ssh, or in ssh-agent`,
  })
}

function badConfig(to: SshDestination): Failure {
  return new Failure(2, 'ssh-config', 'ssh does not take its own configuration', {
    hint: `${sshCommandText(to)} says which line`,
  })
}

function away(to: SshDestination, why: string): Failure {
  return new Failure(5, unreachableCode, `${destinationText(to)} is not reached: ${why}`, {
    hint: `${sshCommandText(to)} shows more`,
  })
}

/** Nothing is reached without ssh. */
export function noSsh(cause: unknown): Failure {
  return new Failure(1, 'no-ssh', 'there is no ssh on this machine', {
    hint: 'install it (on Debian: apt-get install openssh-client), or name a socket with --to',
    cause,
  })
}
