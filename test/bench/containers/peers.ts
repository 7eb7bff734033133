import { mkdirSync } from 'node:fs'
import { join } from 'node:path'

/**
 * podman with storage of its own below `folder`, which is called `inside` where it runs, and only
 * what a machine with any control groups and without a network plugin can do.
 */
export function podman(folder: string, inside: string = folder): readonly string[] {
  for (const each of ['root', 'run', 'tmp']) mkdirSync(join(folder, each), { recursive: true })
  const place = (name: string): string => join(inside, name)
  const places = ['--root', place('root'), '--runroot', place('run'), '--tmpdir', place('tmp')]
  const ways = ['--cgroup-manager', 'cgroupfs', '--events-backend', 'none', '--runtime', 'runc']
  return ['podman', ...places, '--storage-driver', 'overlay', ...ways]
}

/** Further arguments of `podman run -d`: no network plugin, and limits that every root may set. */
export const podmanRun: readonly string[] = [
  ...['run', '--detach', '--network', 'none'],
  ...['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=4096:4096'],
]
