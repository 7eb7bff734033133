import type { Mutation } from '../mutation.ts'
import { connectionMutations } from './connections.ts'
import { doorMutations } from './doors.ts'
import { durabilityMutations } from './durability.ts'
import { firewallMutations } from './firewall.ts'
import { gossipMutations } from './gossip.ts'
import { imageMutations } from './images.ts'
import { instanceMutations } from './instances.ts'
import { machineMutations } from './machine.ts'
import { meshLinkMutations } from './mesh-links.ts'
import { mountMutations } from './mounts.ts'
import { orderMutations } from './order.ts'
import { outsideMutations } from './outside.ts'
import { statusMutations } from './statuses.ts'
import { terminalMutations } from './terminal.ts'
import { trustMutations } from './trust.ts'

/** Every mutation, by what it is about. */
export const mutations: readonly Mutation[] = [
  ...orderMutations,
  ...trustMutations,
  ...durabilityMutations,
  ...gossipMutations,
  ...statusMutations,
  ...connectionMutations,
  ...machineMutations,
  ...doorMutations,
  ...mountMutations,
  ...firewallMutations,
  ...meshLinkMutations,
  ...terminalMutations,
  ...imageMutations,
  ...outsideMutations,
  ...instanceMutations,
]
