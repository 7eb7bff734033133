/**
 * Owners by number, extended attributes and access control lists, for both ways. Those of `trusted`
 * are the kernel's own, and would need a right that the sandbox does not give.
 */
export const attributes: readonly string[] = [
  ...['--numeric-owner', '--acls', '--xattrs', '--xattrs-include=*', '--xattrs-exclude=trusted.*'],
]
