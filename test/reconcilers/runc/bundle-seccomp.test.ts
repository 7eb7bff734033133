import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  capabilitiesOf,
  capabilityName,
} from '../../../reconcilers/runc/bundle/hardening/capabilities.ts'
import { seccompProfile } from '../../../reconcilers/runc/bundle/hardening/seccomp.ts'
import {
  ordinaryCalls,
  privilegedCalls,
} from '../../../reconcilers/runc/bundle/hardening/syscalls.ts'

/** Names that are allowed whatever their arguments. */
function allowed(architecture: string, capabilities: readonly string[]): readonly string[] {
  return seccompProfile(architecture, capabilities).syscalls.flatMap(({ names, action, args }) =>
    action === 'SCMP_ACT_ALLOW' && args === undefined ? names : [],
  )
}

describe('the seccomp profile', () => {
  it('names each call once, and none both for all and for a few', () => {
    const rare = Object.values(privilegedCalls).flat()
    assert.equal(new Set(ordinaryCalls).size, ordinaryCalls.length)
    assert.deepEqual(
      ordinaryCalls.filter((name) => rare.includes(name)),
      [],
    )
    assert.deepEqual(
      Object.keys(privilegedCalls).filter((name) => !capabilityName(name)),
      [],
    )
  })

  it('opens for a default container none of what reaches the host', () => {
    const names = allowed('x64', capabilitiesOf({ add: [], drop: [] }))
    assert.deepEqual([...names].sort(), [...ordinaryCalls].sort())
    const never = ['keyctl', 'add_key', 'request_key', 'userfaultfd', 'io_uring_setup', 'swapon']
    const closed = [...never, 'kexec_load', 'kexec_file_load', 'modify_ldt', 'clone', 'clone3']
    for (const name of [...closed, 'socket', 'mount', 'bpf']) assert.ok(!names.includes(name), name)
  })

  it('opens with a capability what it is for', () => {
    assert.ok(allowed('x64', ['SYS_TIME']).includes('clock_settime'))
    assert.ok(allowed('x64', ['NET_ADMIN']).includes('socket'))
    const admin = seccompProfile('x64', ['SYS_ADMIN']).syscalls
    assert.ok(allowed('x64', ['SYS_ADMIN']).includes('clone3'))
    assert.ok(!admin.some(({ action }) => action === 'SCMP_ACT_ERRNO'))
  })

  it('is for the machine’s own programs, and leaves an unknown machine to the runtime', () => {
    assert.deepEqual(seccompProfile('arm64', []).architectures, ['SCMP_ARCH_AARCH64'])
    assert.equal(seccompProfile('constructor', []).architectures, undefined)
  })
})

describe('capabilities', () => {
  it('are the defaults, less what is dropped, and what is added', () => {
    assert.deepEqual(capabilitiesOf({ add: ['CAP_NET_RAW'], drop: ['ALL'] }), ['NET_RAW'])
    const some = capabilitiesOf({ add: ['SYS_TIME'], drop: ['CAP_SETUID', 'SETGID'] })
    assert.deepEqual(some, [
      ...['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'KILL', 'NET_BIND_SERVICE', 'SYS_TIME'],
    ])
  })
})
