import { Failure } from '../../terminal/failure.ts'
import type { Input } from '../definition.ts'

/** The container that a command is about. An empty word is mostly a variable that is not set. */
export function containerName({ args }: Input): string {
  const [name = ''] = args
  if (name !== '') return name
  throw new Failure(2, 'usage', 'the name of the container is empty', {
    hint: 'covey ps lists the containers',
  })
}
