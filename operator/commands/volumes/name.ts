import { isName } from '../../../protocol/names.ts'
import { Failure } from '../../terminal/failure.ts'

/** Codes of an agent that say no, and not that something failed. */
const refusals: readonly string[] = [
  ...['volume-in-use', 'volume-not-empty', 'volume-busy', 'volume-mount', 'still-running'],
]

/** The object of a volume: its own name, or `shop/pgdata` for `shop-pgdata_v`. */
export function volumeObject(text: string): string {
  const [stack = '', name, ...rest] = text.split('/')
  const object = name === undefined ? stack : `${stack}-${name}_v`
  if (rest.length === 0 && isName(object)) return object
  throw new Failure(2, 'usage', `${JSON.stringify(text)} is not the name of a volume`, {
    hint: 'name the object, as shop-pgdata_v, or stack and volume, as shop/pgdata',
  })
}

/** The same failure, with exit code 4 where the agent refused. */
export function asRefusal(error: unknown): unknown {
  if (!(error instanceof Failure) || !refusals.includes(error.code)) return error
  const hint = error.hint === undefined ? {} : { hint: error.hint }
  return new Failure(4, error.code, error.message, { ...hint, cause: error })
}
