import { readWrittenJson } from '../../protocol/documents/written-json.ts'
import type { Source } from '../files/read-text.ts'
import { faultsFailure } from '../terminal/failure.ts'
import { at, type Located, locateIn } from './located.ts'

/**
 * Reads the JSON of a file. Throws `Failure` with every duplicate member, every number that is no
 * safe integer and every forbidden name, or with the position of the first mistake in the syntax.
 */
export function parseJsonSource(source: Source): Located {
  const quick = readWrittenJson(source.text)
  if (quick.faults.length > 0) {
    // Places are only worth their memory when there is something to place.
    const { faults } = readWrittenJson(source.text, true)
    throw faultsFailure(faults.map(({ offset, fault }) => at(source, offset, fault)))
  }
  return {
    file: source.file,
    value: quick.value,
    locate: (faults) => locateIn(source, readWrittenJson(source.text, true).places, faults),
  }
}
