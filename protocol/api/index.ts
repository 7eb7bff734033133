import type * as z from 'zod'
import { containersSchema, orderedSchema } from './containers.ts'
import { checkupSchema } from './doctor.ts'
import { eventSchema } from './events.ts'
import { firewallSchema } from './firewall.ts'
import { imageLineSchema, imagesSchema, prunedSchema } from './images.ts'
import { problemSchema } from './problem.ts'
import { statsSchema } from './stats.ts'
import { statusSchema } from './status.ts'
import { verdictSchema } from './verdict.ts'
import { restoredSchema, volumesSchema } from './volumes.ts'

/**
 * Messages on the sockets of an agent, by topic: the agent answers with these
 * shapes, and the command, the lab and scripts read them. Reading is lenient: the agent may be of
 * another version.
 */
export const apiSchemas: Readonly<Record<string, z.ZodType>> = {
  status: statusSchema,
  event: eventSchema,
  containers: containersSchema,
  ordered: orderedSchema,
  stats: statsSchema,
  images: imagesSchema,
  image_line: imageLineSchema,
  pruned: prunedSchema,
  volumes: volumesSchema,
  restored_volume: restoredSchema,
  firewall: firewallSchema,
  doctor: checkupSchema,
  verdict: verdictSchema,
  problem: problemSchema,
}
