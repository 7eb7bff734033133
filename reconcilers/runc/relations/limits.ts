/** Bounds of how containers find each other, wait for each other and share, by name. */

/** A name in `/etc/hosts`, with its dots (RFC 1035 section 2.3.4). */
export const nameCharactersMax: number = 253
/** Names of one container for all others. */
export const aliasesMax: number = 64
/** Groups that one container is a member of, and its names in one. */
export const groupsMax: number = 32
export const groupNamesMax: number = 64
export const groupCharactersMax: number = 128
/** Containers that one waits for. */
export const afterMax: number = 64
/** Names that only the container itself knows, and addresses of one. */
export const extraHostsMax: number = 256
export const extraAddressesMax: number = 16
