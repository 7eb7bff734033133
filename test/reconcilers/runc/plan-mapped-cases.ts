import { readyImage } from '../fake/images.ts'
import { imageReference } from './looks.ts'
import type { Case } from './plan-cases.ts'

/** Containers with a user namespace that are to be made. */
export const mapping: readonly Case[] = [
  {
    name: 'a new one with a user namespace, whose image is there without',
    object: { user_namespace: true },
    seen: null,
    steps: [`pull ${imageReference} for user namespaces`],
    says: 'pending: about to be created',
  },
  {
    name: 'a new one with a user namespace, whose image is there',
    object: { user_namespace: true },
    seen: null,
    observed: { images: new Map([[`${imageReference} for user namespaces`, readyImage()]]) },
    steps: ['create NEW', 'start NEW'],
    says: 'pending: about to be created',
  },
]
