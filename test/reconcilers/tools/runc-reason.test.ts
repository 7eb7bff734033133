import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { createReason } from '../../../reconcilers/tools/runc.ts'

describe('why runc made no container', () => {
  const rootfs = '/run/covey/containers/covey-web-1/rootfs'
  const mounting = (source: string): string =>
    `runc create failed: unable to start container process: error during container init: error mounting "${source}" to rootfs at "/etc": mount ${source}:/etc (via /proc/self/fd/6), flags: 0x5001: not a directory`
  for (const [said, reason] of [
    [
      mounting(rootfs.replace('rootfs', 'files/file-0')),
      'one of its files cannot be mounted at /etc: not a directory',
    ],
    [
      mounting(rootfs.replace('rootfs', 'files/resolv.conf')),
      'one of its files cannot be mounted at /etc: not a directory',
    ],
    [
      mounting('/run/covey/secrets/covey-web-1/key'),
      'one of its secrets cannot be mounted at /etc: not a directory',
    ],
    [mounting('/srv/data'), '/srv/data cannot be mounted at /etc: not a directory'],
    [
      'unable to start container process: error during container init: mkdir /etc/x: not a directory',
      'its working directory cannot be made: /etc/x is in the way: not a directory',
    ],
    ['exec: "nope": executable file not found in $PATH', 'the image has no command nope'],
    ['something else', 'the runtime refused: something else'],
    ['', 'the runtime gave no reason'],
  ] as const) {
    it(`says: ${reason}`, () => assert.equal(createReason(said), reason))
  }
})
