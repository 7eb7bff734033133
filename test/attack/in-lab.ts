import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { VirtualHost } from '../lab/host.ts'
import { createLab, type Lab } from '../lab/lab.ts'
import { makeBusyboxTree } from '../registry/busybox.ts'
import { buildLayout } from '../registry/image.ts'
import type { AttackEnd } from './attack.ts'

/** Carries an attack out in a lab of its own, which is gone afterwards, whatever came of it. */
export async function inLab(attack: (lab: Lab) => Promise<AttackEnd>): Promise<AttackEnd> {
  const lab = await createLab()
  try {
    return await attack(lab)
  } finally {
    lab.close()
  }
}

/** Loads an image of busybox on a host; its reference, for a container object. */
export async function loadTools(lab: Lab, host: VirtualHost): Promise<string> {
  const [layout, tree] = [join(lab.record.folder, 'layout'), join(lab.record.folder, 'tree')]
  mkdirSync(tree)
  await makeBusyboxTree(tree)
  const image = `registry.example/tools@${await buildLayout(layout, { layers: [tree] })}`
  execFileSync('tar', ['-C', layout, '-cf', join(host.folder, 'var-lib/image.tar'), '.'])
  await host.must('covey', ['image', 'load', '/var/lib/image.tar'])
  return image
}
