import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readEnrolment } from '../../agent/state/store.ts'
import { createDisk } from '../../machine/files/disk.ts'
import { temporaryFolder } from '../temporary.ts'

test('store: an enrolment that may not be read is not damaged', async (t) => {
  const disk = createDisk(await temporaryFolder(t))
  const failing = (code: string) => {
    const error = Object.assign(new Error('it cannot be read'), { code })
    return { ...disk, read: () => Promise.reject(error) }
  }
  for (const code of ['EACCES', 'EPERM']) {
    await assert.rejects(readEnrolment(failing(code)), { code })
  }
  await assert.rejects(readEnrolment(failing('EIO')), { code: 'state-damaged' })
})
