/** Switches of every command that signs. */
export const signOptions: readonly (readonly [string, string])[] = [
  ['--allow-gap', 'allow a version more than one above the one before'],
  ['--allow-isolation', 'allow a config that takes a host its last tunnel to the others'],
]
