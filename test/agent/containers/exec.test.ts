import assert from 'node:assert/strict'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { temporaryFolder } from '../temporary.ts'
import { isThere, runBusybox } from './busybox.ts'
import { endOf, outputOf, serveContainer } from './control.ts'

const forever = 'trap "exit 0" TERM; while :; do sleep 1 & wait $!; done'

describe('covey exec', () => {
  it('runs a command as the container runs its own, and passes on what comes of it', async (t) => {
    const folder = await temporaryFolder(t)
    const container = await runBusybox(t, folder, forever, join(folder, 'log'))
    const host = await serveContainer(t, folder, container)
    const table: readonly (readonly [argv: string, code: number, out: RegExp, err: RegExp])[] = [
      ['web -- echo hello', 0, /^hello\n$/, /^$/],
      ['web -- sh -c exit\u00a07', 7, /^$/, /^$/],
      [
        'web -- sh -c echo\u00a0out;echo\u00a0err>&2;echo\u00a0dev>/dev/stderr',
        0,
        /^out\n$/,
        /^err\ndev\n$/,
      ],
      ['web -- sh -c kill\u00a0-9\u00a0$$', 137, /^$/, /^$/],
      ['web -- pwd', 0, /^\/etc\n$/, /^$/],
      ['-w /tmp web -- pwd', 0, /^\/tmp\n$/, /^$/],
      ['-e A=1 -e KEPT=no -e A=2=3 web -- env', 0, /^(?=[^]*\bA=2=3\n)(?=[^]*\bKEPT=no\n)/, /^$/],
      [
        '-u nobody web -- id',
        0,
        /uid=65534\(nobody\) gid=65533\(nogroup\) groups=77\(extra\)/,
        /^$/,
      ],
      ['-u 1000:5 web -- id', 0, /uid=1000 gid=5/, /^$/],
      ['-u nobody web -- sh -c echo\u00a0$HOME', 0, /^\/home\/nobody\n$/, /^$/],
      ['web -- cat /proc/self/status', 0, /CapBnd:\t0{14}21\n[^]*NoNewPrivs:\t1\n/, /^$/],
      ['web -- nothing', 127, /^$/, /^covey: exec: .*no command nothing\n/],
      ['web -- /bin/nothing', 127, /^$/, /^covey: exec: .*no command \/bin\/nothing\n/],
      ['web -- /etc/plain', 126, /^$/, /^covey: exec: .*\/etc\/plain/],
      ['-u who web -- id', 126, /^$/, /^covey: exec: .*no user "who"/],
      ['-w tmp web -- id', 126, /^$/, /^covey: exec: .*absolute path/],
      ['-w /nowhere web -- pwd', 126, /^$/, /^covey: exec: .*\/nowhere/],
      [
        'other -- id',
        1,
        /^$/,
        /^covey: exec: this host has no container "other"\nhint: it has: web\n$/,
      ],
      ['web', 2, /^$/, /^covey: exec: which command/],
    ]
    for (const [argv, code, out, err] of table) {
      const words = argv.split(' ').map((word) => word.replaceAll('\u00a0', ' '))
      const ended = await endOf(host.covey('exec', ...words))
      assert.equal(ended.code, code, `${argv}: ${ended.err}`)
      assert.match(ended.out, out, argv)
      assert.match(ended.err, err, argv)
    }
    assert.equal(host.told[0], 'web echo')
  })
})
