/** Switches of every command that signs. */
export const signOptions: readonly (readonly [string, string])[] = [
  ['--allow-gap', 'allow a version that does not follow the one before'],
  ['--allow-isolation', 'allow a config that cuts hosts off'],
]
