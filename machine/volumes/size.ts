import type { Sandbox } from '../images/unpack/sandbox.ts'
import { sizeMsMax } from './limits.ts'

/** The space that a folder takes on the disk; null where it cannot be measured in time. */
export async function sizeOf(sandbox: Sandbox, target: string): Promise<number | null> {
  const child = sandbox.start({
    ...{ target, access: 'read', mayMarkOverlay: false },
    command: ['du', '--summarize', '--block-size=1', '--one-file-system', '/target'],
  })
  const timer = setTimeout(() => child.kill(), sizeMsMax)
  try {
    child.process.stdin.end()
    let text = ''
    for await (const chunk of child.process.stdout) text += String(chunk)
    await child.ended
    return Number.parseInt(text, 10)
  } catch {
    // A file that went away meanwhile counts as a failure too.
    return null
  } finally {
    clearTimeout(timer)
  }
}
