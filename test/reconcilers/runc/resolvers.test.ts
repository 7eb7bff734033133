import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { parseAddress } from '../../../reconcilers/addresses.ts'
import type { ContainerSeen } from '../../../reconcilers/host-containers.ts'
import {
  resolversMax,
  searchCharactersMax,
  searchDomainsMax,
} from '../../../reconcilers/runc/bundle/limits.ts'
import { namesResolver, resolvConfFor } from '../../../reconcilers/runc/bundle/resolv-conf.ts'
import { runc } from '../../../reconcilers/runc/index.ts'
import { planRunc } from '../../../reconcilers/runc/plan.ts'
import { reconcile } from '../contract-suite.ts'
import { createFakeHost } from '../fake/host.ts'
import { readyImage } from '../fake/images.ts'
import {
  configOf,
  containerObject,
  imageReference,
  observedWith,
  onlyOf,
  seenFor,
  specOf,
} from './looks.ts'

interface Case {
  readonly says: string
  readonly family?: 4 | 6
  readonly host: string
  readonly upstream?: string
  readonly is: string
}

const both = 'nameserver 192.0.2.1\nnameserver 2001:db8::1\n'
const six = [1, 2, 3].map((last) => `nameserver 2001:db8::${last}\n`).join('')

const cases: readonly Case[] = [
  {
    says: 'the host’s',
    host: 'nameserver 192.0.2.53\nsearch a b\n',
    upstream: both,
    is: 'nameserver 192.0.2.53\nsearch a b\n',
  },
  {
    says: 'not its loopback',
    host: 'nameserver 127.0.0.1\nnameserver 10.0.0.1\n',
    is: 'nameserver 10.0.0.1\n',
  },
  {
    says: 'those of its family, though three of the other come first',
    host: `${six}nameserver 192.0.2.53\n`,
    is: 'nameserver 192.0.2.53\n',
  },
  {
    says: 'those of IPv6',
    family: 6,
    host: `nameserver 192.0.2.53\n${six}`,
    is: six,
  },
  {
    says: 'what its local resolver asks, without believing it as much',
    host: 'nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch .\n',
    upstream: both,
    is: 'nameserver 192.0.2.1\nsearch .\noptions edns0\n',
  },
  {
    says: 'what its local resolver asks, where it names itself beside one of the other family',
    host: 'nameserver 127.0.0.53\nnameserver 2001:db8::9\n',
    upstream: both,
    is: 'nameserver 192.0.2.1\n',
  },
  {
    says: 'nobody, rather than a stranger',
    host: 'nameserver ::1\nnameserver fe80::1%eth0\nnameserver ::ffff:192.0.2.1\n',
    family: 6,
    is: '',
  },
  {
    says: 'nobody of the other family',
    host: 'nameserver 2001:db8::9\nsearch a\n',
    is: 'search a\n',
  },
  { says: 'nobody by a link of the host', host: 'nameserver 169.254.1.1\n', is: '' },
  {
    says: 'three at most, and none twice',
    host: 'nameserver 1.0.0.1\n'.repeat(5) + 'nameserver 1.0.0.2\nnameserver 1.0.0.3\n'.repeat(2),
    is: 'nameserver 1.0.0.1\nnameserver 1.0.0.2\nnameserver 1.0.0.3\n',
  },
  {
    says: 'no comments',
    host: '# nameserver 1.1.1.1\n; x\n\tnameserver\t10.0.0.1 \n',
    is: 'nameserver 10.0.0.1\n',
  },
  {
    says: 'with the last of what counts once',
    host: 'nameserver 10.0.0.1\ndomain a\nsearch b c\noptions x\noptions y x\nsortlist 1\n',
    is: 'nameserver 10.0.0.1\nsearch b c\noptions x y\nsortlist 1\n',
  },
  { says: 'nothing of an empty line', host: 'search\noptions \nnameserver\ndomain \n', is: '' },
]

describe('whom a container asks for names', () => {
  for (const { says, family = 4, host, upstream = null, is } of cases) {
    it(says, () => {
      const resolvers = { resolvConf: host, upstreamResolvConf: upstream }
      const text = resolvConfFor(resolvers, family)
      assert.equal(text, is)
      assert.equal(namesResolver(text), is.includes('nameserver'))
    })
  }

  it('is of its family only, few and bounded, whatever the host says', () => {
    const address = fc.oneof(fc.ipV4(), fc.ipV6(), fc.constantFrom('127.0.0.53', 'fe80::1%a', ''))
    const line = fc.oneof(
      address.map((each) => `nameserver ${each}`),
      fc.array(fc.domain(), { maxLength: 60 }).map((each) => `search ${each.join(' ')}`),
      fc.array(fc.string(), { maxLength: 60 }).map((each) => `options ${each.join(' ')}`),
      fc.string(),
    )
    const text = fc.array(line, { maxLength: 12 }).map((each) => each.join('\n'))
    fc.assert(
      fc.property(text, text, fc.constantFrom(4, 6), (host, upstream, family) => {
        const made = resolvConfFor({ resolvConf: host, upstreamResolvConf: upstream }, family)
        const lines = made.split('\n').slice(0, -1)
        const asked = lines.filter((each) => each.startsWith('nameserver '))
        assert.ok(asked.length <= resolversMax)
        for (const each of asked) {
          assert.equal(parseAddress(each.slice('nameserver '.length))?.family, family)
        }
        for (const each of lines) assert.ok(each.length <= searchCharactersMax + 10)
        for (const each of lines) assert.ok(each.split(' ').length <= searchDomainsMax + 1)
        assert.ok(lines.length <= resolversMax + 3)
        // It is the same once more: nothing is to be written again.
        assert.equal(resolvConfFor({ resolvConf: made, upstreamResolvConf: null }, family), made)
      }),
    )
  })
})

describe('a container whose host asks somebody else now', () => {
  const moved = { resolvConf: 'nameserver 198.51.100.53\n', upstreamResolvConf: null }

  function planned(seen: Partial<ContainerSeen>): readonly string[] {
    const spec = specOf({ web: containerObject() })
    const container = onlyOf(spec)
    const resolvConf = 'nameserver 192.0.2.53\n'
    const all = [seenFor(container, { hosts: spec.hosts, resolvConf, ...seen })]
    const steps = planRunc(spec, observedWith(all, { resolvers: moved }))
    return steps.map((step) => runc.describe(step))
  }
  const [line, ...others] = planned({})

  it('is told while it runs', () => {
    assert.match(line ?? '', /^write \/etc\/resolv.conf of covey-web-/)
    assert.deepEqual(others, [])
    assert.deepEqual(planned({ resolvConf: moved.resolvConf }), [])
  })

  it('is told before it starts again, and left alone where it has no such file', () => {
    const exit = { exitCode: 0, oom: false, startedMs: 0, exitedMs: 0, lastLine: null }
    const process = { state: 'exited', exit, isKept: true } as const
    assert.ok(planned({ process }).includes(line ?? ''))
    assert.deepEqual(planned({ resolvConf: null }), [])
    assert.ok(!planned({ process, isPrepared: false }).includes(line ?? ''))
  })

  it('gets the same text as a new one would, by the network that it is on', async () => {
    const host = createFakeHost()
    host.images.states.set(imageReference, readyImage())
    const config = configOf({ web: containerObject() })
    const go = async (): Promise<readonly string[]> => {
      const steps: string[] = []
      for (let round = 0; round < 4; round++) {
        steps.push(...(await reconcile(runc, config, 'h', host.ports)))
      }
      return steps
    }
    host.containers.resolvers = { resolvConf: '', upstreamResolvConf: null }
    await go()
    const [web] = host.containers.all.values()
    assert.equal(web?.resolvConf, '')
    const text = 'nameserver 2001:db8::1\nnameserver 192.0.2.53\n'
    host.containers.resolvers = { resolvConf: text, upstreamResolvConf: null }
    assert.equal((await go()).length, 1)
    assert.equal(web?.resolvConf, 'nameserver 192.0.2.53\n')
  })
})
