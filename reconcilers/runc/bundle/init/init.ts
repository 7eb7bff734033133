import { Buffer } from 'node:buffer'
import type { ContainerFile } from '../../../container-facts.ts'
import { ownContainerFolder } from '../../object/spec-fields.ts'
import { initPrograms } from './programs.ts'

/** Where a container with `init` has its first program. */
export const initPath: string = `${ownContainerFolder}/init`

/** Name of the file that it is on the host. */
export const initFile: string = 'init'

/** That program for an architecture as `process.arch` has it; empty where covey has none. */
export function initFiles(architecture: string): readonly ContainerFile[] {
  if (!Object.hasOwn(initPrograms, architecture)) return []
  const content = Buffer.from(initPrograms[architecture] ?? '', 'base64')
  return [{ name: initFile, content, mode: 0o555, uid: 0, gid: 0 }]
}
