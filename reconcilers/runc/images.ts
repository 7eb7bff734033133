import type { Config } from '../../protocol/documents/config.ts'
import { objectIn, sectionOf, typeIn } from '../cluster/references.ts'
import type { ContainerObject } from './object/container-object.ts'

/**
 * References of all images that a config names for a host, each once; also those of faulty objects,
 * whose containers keep running.
 */
export function imagesOf(config: Pick<Config, 'hosts'>, host: string): readonly string[] {
  const section = sectionOf(config, host) ?? {}
  const images = containersIn(config, host).flatMap((name) => {
    const object = objectIn(section, name)
    const image = typeof object === 'object' && object !== null && 'image' in object && object.image
    return typeof image === 'string' ? [image] : []
  })
  return [...new Set(images)].sort()
}

/** Names of all container objects that a config has for a host, faulty or not. */
export function containersIn(config: Pick<Config, 'hosts'>, host: string): readonly string[] {
  const section = sectionOf(config, host) ?? {}
  return Object.keys(section).filter((name) => typeIn(section, name) === 'runc_container')
}

/**
 * Key of a container's image in the observation. A user namespace needs the image with owners of
 * its own, so the same reference may be ready for one container and not for another.
 */
export function imageKey({
  image,
  user_namespace,
}: Pick<ContainerObject, 'image' | 'user_namespace'>): string {
  return user_namespace ? `${image} for user namespaces` : image
}
