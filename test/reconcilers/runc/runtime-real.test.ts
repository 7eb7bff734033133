import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { runContainer } from './run-bundle.ts'

/** Output of a script of the shell in a container; the test fails where it ends badly. */
function outputOf(script: string, object: object = {}): string {
  const ran = runContainer({ object: { command: ['/bin/sh', '-c', script], ...object } })
  assert.equal(ran.exitCode, 0, ran.stderr)
  return ran.stdout.trim()
}

describe('fields of the runtime, by the real one', () => {
  it('reap with an init, and nobody without one', () => {
    // Who is left behind by a shell that ends goes to the first process; `sleep` reaps nobody.
    const count = 'sleep 0.5; cat /proc/[0-9]*/stat | grep -c " Z "'
    const script = `(sh -c 'sleep 0.1 & exit'; ${count}) & exec sleep 1.5`
    const linesOf = (init: boolean): string => {
      return runContainer({ object: { init, command: ['/bin/sh', '-c', script] } }).stdout.trim()
    }
    assert.equal(linesOf(true), '0')
    assert.equal(linesOf(false), '1')
  })

  it('end as the program ends, by code and by signal', () => {
    const ends = (script: string): number | null => {
      return runContainer({ object: { init: true, command: ['sh', '-c', script] } }).exitCode
    }
    assert.equal(ends('exit 7'), 7)
    assert.equal(ends('kill -9 $$'), 137)
    const missing = runContainer({ object: { init: true, command: ['no-such-program'] } })
    assert.equal(missing.exitCode, 127)
    assert.match(missing.stderr, /covey: no-such-program: no such program/)
  })

  it('hand signals on to the program', () => {
    const program = 'trap "echo told; exit 3" TERM; kill -TERM 1; while :; do sleep 0.05; done'
    const ran = runContainer({ object: { init: true, command: ['sh', '-c', program] } })
    assert.equal(ran.stdout.trim(), 'told')
    assert.equal(ran.exitCode, 3)
  })

  it('limit, group and mount as the object says', () => {
    const object = {
      user: '1000:1000',
      group_add: ['4242'],
      ulimits: { nofile: { soft: 77, hard: 88 }, core: { soft: 0, hard: 0 } },
      tmpfs: [{ path: '/own-memory', size_bytes: 65_536, mode: '700', uid: 1000, exec: true }],
      sysctls: { 'net.ipv4.ping_group_range': '5 6' },
    }
    const script = [
      'ulimit -Sn; ulimit -Hn; id -G; stat -c "%a %u" /own-memory; cat /proc/sys/net/ipv4/ping_group_range',
      'cp /bin/true /own-memory/x && /own-memory/x && echo runs',
      'head -c 200000 /dev/zero >/own-memory/big 2>/dev/null || echo full',
    ].join('\n')
    const lines = outputOf(script, object).replaceAll('\t', ' ').split('\n')
    assert.deepEqual(lines, ['77', '88', '1000 4242', '700 1000', '5 6', 'runs', 'full'])
  })

  it('give Docker’s capabilities without making another user mighty', () => {
    const add = ['FSETID', 'NET_RAW', 'SETFCAP', 'SETPCAP', 'SYS_CHROOT', 'AUDIT_WRITE']
    const script = 'grep -E "Cap(Eff|Bnd|Amb)|NoNewPrivs" /proc/self/status'
    const asked = { capabilities: { add, ambient: false }, no_new_privileges: false }
    const ofUser = outputOf(script, { ...asked, user: '1000:1000' })
    assert.match(ofUser, /CapEff:\s+0{16}\n/)
    assert.match(ofUser, /CapAmb:\s+0{16}\n/)
    // Docker's default set less MKNOD.
    assert.match(ofUser, /CapBnd:\s+00000000a00425fb\n/)
    assert.match(ofUser, /NoNewPrivs:\s+0/)
    assert.match(outputOf(script, asked), /CapEff:\s+00000000a00425fb\n/)
  })
})
