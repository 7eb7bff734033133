import type { ContainerFile, MountNeeds, VolumeUse } from '../../container-facts.ts'
import type { ContainerSpec } from '../spec.ts'
import type { Account } from './accounts.ts'
import { timeFiles } from './host-paths.ts'

type Uses = Pick<ContainerSpec, 'container' | 'volumePaths'>

/** Volumes of a container with folders of covey's own. */
export function volumesOf(
  { container, volumePaths }: Uses,
  account: Account,
): readonly VolumeUse[] {
  const objects = new Set(container.mounts.flatMap(({ volume }) => volume ?? []))
  const own = [...objects].filter((object) => !volumePaths.has(object))
  return own.map((object) => ({ object, uid: account.uid, gid: account.gid }))
}

/** Needs of the mounts: folders that are made, volumes that get the content of the image. */
export function mountNeedsOf({ container, volumePaths }: Uses, account: Account): MountNeeds {
  const { uid, gid } = account
  const hostFolders = [...volumePaths.values()].map((path) => ({ path, uid, gid }))
  const volumeFolders: MountNeeds['volumeFolders'][number][] = []
  const seeds: MountNeeds['seeds'][number][] = []
  for (const { volume: object, host_path, path, subpath, create, seed } of container.mounts) {
    const folder = volumePaths.get(object ?? '')
    if (object === undefined || folder !== undefined) {
      const asked = object === undefined ? host_path : `${folder}/${subpath}`
      const isPart = object === undefined || subpath !== undefined
      const isOwn = asked === undefined || timeFiles.has(asked)
      if (create && isPart && !isOwn) hostFolders.push({ path: asked, uid, gid })
      continue
    }
    if (create && subpath !== undefined) volumeFolders.push({ object, subpath, uid, gid })
    if (seed) seeds.push({ object, path })
  }
  const isRoot = container.mounts.some(({ host_path }) => host_path === '/')
  return { volumeFolders, hostFolders, seeds, ...(isRoot ? { hostRoot: true } : {}) }
}

/** Copies of the host's time, where a container asks for them. */
export function timeCopies(
  { container }: Pick<ContainerSpec, 'container'>,
  time: ReadonlyMap<string, Uint8Array>,
): readonly ContainerFile[] {
  const names = container.mounts.flatMap(({ host_path }) => timeFiles.get(host_path ?? '') ?? [])
  return [...new Set(names)].flatMap((name) => {
    const content = time.get(name)
    return content === undefined ? [] : [{ name, content, mode: 0o644, uid: 0, gid: 0 }]
  })
}
