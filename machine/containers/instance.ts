import { randomBytes } from 'node:crypto'
import { isObject } from '../../protocol/documents/canonical-json.ts'
import { createDisk, readText } from '../files/disk.ts'

const file = 'instance.json'
const markPattern = /^[0-9a-f]{8}$/

/**
 * The mark of this state folder, eight hex digits: what an agent makes where other agents may make
 * the like has it in its name. Made at the first start, and durable before anything has it. One
 * that is lost is made anew; what has the old one is then found by the records of containers alone.
 */
export async function instanceMark(stateDir: string): Promise<string> {
  const disk = createDisk(stateDir)
  const known = markIn(await readText(disk, file))
  if (known !== null) return known
  const mark = randomBytes(4).toString('hex')
  await disk.replace([{ path: file, content: `${JSON.stringify({ mark })}\n` }])
  return mark
}

function markIn(text: string | null): string | null {
  if (text === null) return null
  try {
    const value: unknown = JSON.parse(text)
    const mark = isObject(value) ? value['mark'] : undefined
    return typeof mark === 'string' && markPattern.test(mark) ? mark : null
  } catch {
    return null
  }
}
