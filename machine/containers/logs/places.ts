import { join } from 'node:path'

/** Folder of all logs of containers: a folder for each object that has or had containers. */
export function logsFolder(stateDir: string): string {
  return join(stateDir, 'logs')
}

/** Folder with the logs of one object's containers, current and rotated. */
export function logFolder(stateDir: string, object: string): string {
  return join(logsFolder(stateDir), object)
}

/**
 * The file that the supervisor of a container writes to, in conmon's k8s-file format. Each
 * container has one of its own: conmon replaces its file when it opens it again, so two must not
 * share one.
 */
export function currentLogPath(stateDir: string, object: string, id: string): string {
  return join(logFolder(stateDir, object), `${id}.log`)
}

/** A file that was rotated away has a number before its ending; later files have higher ones. */
export function rotatedLogPath(current: string, number: number): string {
  return `${current.slice(0, -'.log'.length)}.${number}.log`
}

/** Parts of a log file's name. `number` is null for the current file of its container. */
export interface LogName {
  readonly id: string
  readonly number: number | null
}

/** Reads the name of a file of a log folder; null for anything else. */
export function parseLogName(name: string): LogName | null {
  const [, id, number] = /^([^.]+)(?:\.([1-9][0-9]{0,14}))?\.log$/.exec(name) ?? []
  if (id === undefined) return null
  return { id, number: number === undefined ? null : Number(number) }
}
