/** The options that override the guards of a plan. */
export const guardOptions: readonly (readonly [string, string, 'repeated'?])[] = [
  ['--start-empty <volume>', 'a service may start on this empty volume', 'repeated'],
  ['--delete-volume <volume>', 'this volume may go, with all that is in it', 'repeated'],
  ['--open', 'a port of a service that is there may become public'],
  ['--yes-remove', 'more than half of the services may go'],
  ['--overwrite', 'what another operator has signed since may be taken back'],
]
