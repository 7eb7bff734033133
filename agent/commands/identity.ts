import { createDisk } from '../../machine/files/disk.ts'
import { lockState } from '../../machine/files/lock.ts'
import { CoveyError } from '../../protocol/fault.ts'
import { isName } from '../../protocol/names.ts'
import {
  addWireguardKey,
  createIdentity,
  type Identity,
  type IdentityView,
  identityView,
  readIdentity,
} from '../identity/identity.ts'

/** Options of `covey identity`. */
export interface IdentityRequest {
  readonly stateDir: string
  /** Needed at the first call, when the keys are made; afterwards it must be the same. */
  readonly host: string | undefined
  readonly newWireguardKey: boolean
}

/**
 * Shows this host's public keys, after making them where there are none. Errors: `usage`,
 * `other-host`.
 */
export async function showIdentity(request: IdentityRequest): Promise<IdentityView> {
  const { stateDir, host } = request
  if (host !== undefined && !isName(host)) {
    throw new CoveyError('usage', `${host} is not a host name`, {
      hint: 'a name starts with a letter, has 1 to 40 of a-z 0-9 _ - and ends in a letter or digit',
    })
  }
  const disk = createDisk(stateDir)
  let identity = await readIdentity(disk)
  if (identity === null) identity = await makeIdentity(stateDir, host)
  if (host !== undefined && identity.host !== host) {
    throw new CoveyError('other-host', `this host is ${identity.host}, not ${host}`, {
      hint: `leave --host out, or use another --state-dir; a host keeps its name`,
    })
  }
  if (request.newWireguardKey) identity = await addKey(stateDir)
  return await identityView(identity)
}

/** An agent may run meanwhile: it only reads the keys. Two of these must not lose one of theirs. */
async function addKey(stateDir: string): Promise<Identity> {
  const lock = await lockState(stateDir, 5, 'identity.lock')
  try {
    const disk = createDisk(stateDir)
    const identity = await readIdentity(disk)
    if (identity === null) throw new CoveyError('state-damaged', 'the keys of this host are gone')
    return await addWireguardKey(disk, identity)
  } finally {
    await lock.release()
  }
}

async function makeIdentity(stateDir: string, host: string | undefined): Promise<Identity> {
  if (host === undefined) {
    throw new CoveyError('usage', 'this host has no keys yet, and no name to make them for', {
      hint: 'run `covey identity --host NAME --json`',
    })
  }
  // Two first calls at once must not make two identities.
  const lock = await lockState(stateDir, 5, 'identity.lock')
  try {
    const disk = createDisk(stateDir)
    return (await readIdentity(disk)) ?? (await createIdentity(disk, host))
  } finally {
    await lock.release()
  }
}
