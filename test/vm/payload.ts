import { copyFileSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildCovey } from '../lab/bundled.ts'
import { projectRoot } from '../lab/host.ts'
import { must, plainEnv } from '../lab/processes.ts'
import { buildBusybox } from '../registry/busybox.ts'
import { makeDisk } from './base-image.ts'

/** A disk with what is to be installed in a virtual machine. */
export interface Payload {
  readonly disk: string
  /** Digest of the image in `busybox.tar`. */
  readonly busybox: string
  remove(): void
}

const diskBytes = 512 * 1024 ** 2

/** Packs covey as `npm run package` does, the pinned Node, and an image as an OCI archive. */
export async function makePayload(): Promise<Payload> {
  const folder = mkdtempSync(join(tmpdir(), 'covey-payload-'))
  const remove = (): void => rmSync(folder, { recursive: true, force: true })
  const covey = buildCovey()
  try {
    const content = join(folder, 'content')
    mkdirSync(content)
    const source = join(covey.path, '../..')
    rmSync(join(source, 'node_modules'), { recursive: true })
    const npm = ['pack', source, '--pack-destination', content, '--loglevel=error']
    const env = { ...plainEnv, PATH: process.env['PATH'] ?? '', HOME: folder }
    await must('npm', npm, { cwd: folder, env })
    const node = realpathSync(join(projectRoot, 'node_modules/.bin/node'))
    copyFileSync(node, join(content, 'node'))
    const layout = join(folder, 'layout')
    const busybox = await buildBusybox(layout)
    await must('tar', ['-C', layout, '-cf', join(content, 'busybox.tar'), '.'])
    const disk = join(folder, 'payload.img')
    await makeDisk(content, disk, diskBytes)
    return { disk, busybox, remove }
  } catch (error) {
    remove()
    throw error
  } finally {
    covey.remove()
  }
}
