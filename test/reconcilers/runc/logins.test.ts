import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { clusterOf } from '../../../reconcilers/cluster/index.ts'
import { planRunc } from '../../../reconcilers/runc/plan.ts'
import { resolveRunc } from '../../../reconcilers/runc/resolve.ts'
import { configOf } from '../configs.ts'
import { observedWith } from './looks.ts'
import { sealedText } from './objects.ts'

const secret = { type: 'secret', jwe: sealedText() }
const ghcr = { type: 'registry', server: 'ghcr.io', username: 'me', secret: 'password' }

function resolve(own: object): ReturnType<typeof resolveRunc> {
  return resolveRunc(clusterOf(configOf({ a: { ...own } })), 'a')
}

describe('users of registries', () => {
  it('are handed over with their sealed passwords, and only when they changed', () => {
    const { spec, faulty, references } = resolve({ password: secret, ghcr })
    assert.deepEqual(faulty, [])
    assert.deepEqual(references['ghcr'], ['password'])
    const login = { object: 'ghcr', server: 'ghcr.io', username: 'me', secret: 'password' }
    assert.deepEqual(spec.logins, [{ ...login, jwe: secret.jwe }])
    const [step, ...more] = planRunc(spec, observedWith([]))
    assert.deepEqual(step, { kind: 'logins', logins: spec.logins, objects: ['ghcr'] })
    assert.deepEqual(more, [])
    assert.deepEqual(planRunc(spec, observedWith([], { logins: spec.logins })), [])
    const [gone] = planRunc(resolve({}).spec, observedWith([], { logins: spec.logins }))
    assert.deepEqual(gone, { kind: 'logins', logins: [], objects: [] })
  })

  it('are named canonically, one for each registry', () => {
    const hub = { ...ghcr, server: 'Index.Docker.io' }
    assert.equal(resolve({ password: secret, hub }).spec.logins[0]?.server, 'docker.io')
    const own = {
      password: secret,
      a: ghcr,
      b: { ...ghcr, server: 'GHCR.io:443' },
      c: { ...ghcr, server: 'no registry' },
      d: { ...ghcr, server: 'quay.io', secret: 'absent' },
      e: { ...ghcr, server: 'quay.io', username: 'a:b' },
      f: { ...ghcr, server: 'lscr.io', password: 'x' },
    }
    assert.deepEqual(
      resolve(own).faulty.map(({ object, fault }) => `${object} ${fault.path}`),
      [
        'b hosts.a.b.server',
        'c hosts.a.c.server',
        'd hosts.a.d.secret',
        'e hosts.a.e.username',
        'f hosts.a.f.password',
      ],
    )
  })
})
