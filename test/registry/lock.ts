import { spawn } from 'node:child_process'

/**
 * Runs `use` while no other process does so under the same lock file. The lock is a child's, which
 * ends when its stdin does: it goes with this process, however that ends.
 */
export async function withLock<T>(path: string, use: () => Promise<T>): Promise<T> {
  const stdio = ['pipe', 'pipe', 'inherit'] as const
  const holder = spawn('flock', [path, 'sh', '-c', 'echo held; exec cat >/dev/null'], {
    stdio: [...stdio],
  })
  const ended = new Promise<void>((resolve, reject) => {
    holder.once('error', reject)
    holder.once('close', () => resolve())
  })
  const held = new Promise<boolean>((resolve) => holder.stdout?.once('data', () => resolve(true)))
  if ((await Promise.race([held, ended])) !== true) throw new Error(`${path} cannot be locked`)
  try {
    return await use()
  } finally {
    holder.stdin?.end()
    await ended
  }
}
