/** Switches of every command that signs. */
export const signOptions: readonly (readonly [string, string])[] = [
  ['--allow-gap', 'allow a version that skips numbers'],
  ['--allow-isolation', 'allow a config that removes the last tunnel of a host'],
]
