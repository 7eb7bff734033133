import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { diffConfigs } from '../../../operator/diff/diff.ts'
import type { FieldChange, ObjectChange } from '../../../operator/diff/plan-document.ts'
import type { Json } from '../../../protocol/documents/canonical-json.ts'
import type { Config } from '../../../protocol/documents/config.ts'
import { clusterOf } from '../../../reconcilers/cluster/index.ts'
import { resolveRunc } from '../../../reconcilers/runc/resolve.ts'
import { configOf } from '../../reconcilers/configs.ts'
import { imageDigest, sealedText } from '../../reconcilers/runc/objects.ts'

const sealed = (host: string): string => sealedText({ host, name: 'password' })

/** Few values of each field, so that two containers are often nearly the same. */
const container = (number: number): fc.Arbitrary<object> =>
  fc.record(
    {
      type: fc.constant('runc_container'),
      image: fc.constantFrom(`r.example/a:1@${imageDigest}`, `r.example/a:2@${imageDigest}`),
      network: fc.constant('cn'),
      address: fc.constantFrom(`10.69.${number}.5`, `10.69.${number}.6`),
      env: fc.dictionary(fc.constantFrom('A', 'B'), fc.constantFrom('1', '2')),
      args: fc.array(fc.constantFrom('x', 'y'), { maxLength: 3 }),
      mounts: fc.constantFrom([], [{ volume: 'data', path: '/d' }]),
      secrets: fc.constantFrom([], [{ secret: 'password', env: 'P' }]),
      restart: fc.constantFrom('always', 'never'),
      labels: fc.dictionary(fc.constantFrom('covey.service'), fc.constantFrom('s/a', 's/b')),
      health: fc.constantFrom({ tcp: { port: 1 } }, { tcp: { port: 2 } }),
      resources: fc.constantFrom({}, { memory_bytes: 8_388_608 }),
    },
    { requiredKeys: ['type', 'image', 'network', 'address'] },
  )

const section = (host: string, number: number): fc.Arbitrary<object> =>
  fc.record(
    {
      wg: fc.record({
        type: fc.constant('wireguard_network'),
        link_name: fc.constantFrom('wg0', 'wg1'),
        address: fc.constant(`10.69.0.${number}/16`),
      }),
      cn: fc.constant({
        type: 'container_network',
        network: 'wg',
        subnet: `10.69.${number}.0/24`,
      }),
      data: fc.constantFrom({ type: 'volume' }, { type: 'volume', on_remove: 'delete' }),
      password: fc.constantFrom('AAAA', 'BBBB').map((end) => ({
        type: 'secret',
        jwe: sealed(host).replace(/AAAA$/, end),
      })),
      web: container(number),
      api: container(number),
      out: fc.constantFrom(
        { type: 'nftables_publish', container: 'web', host_port: 80, container_port: 80 },
        {
          type: 'nftables_publish',
          container: 'web',
          host_port: 80,
          container_port: 80,
          on: 'public',
        },
      ),
      acme: fc.record({ type: fc.constant('acme'), any: fc.jsonValue({ maxDepth: 2 }) }),
    },
    { requiredKeys: ['wg', 'cn'] },
  )

const config: fc.Arbitrary<Config> = fc
  .record({ a: section('a', 1), b: section('b', 2) }, { requiredKeys: [] })
  .map((hosts) => configOf(JSON.parse(JSON.stringify(hosts))))

/** The same config with the members of all objects the other way round. */
function turned<T>(value: T): T {
  if (Array.isArray(value)) return value.map(turned) as T
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, inner]) => [name, turned(inner)]),
  ) as T
}

/** A value with a field as the change says; an undefined value takes it away. */
function patched(value: Json | undefined, { segments, to }: FieldChange): Json | undefined {
  const [first, ...rest] = segments
  if (first === undefined) return to
  const deeper = { segments: rest, from: undefined, to }
  if (Array.isArray(value)) {
    return value.map((each, index) =>
      String(index) === first ? patched(each, deeper) : each,
    ) as Json
  }
  const { [first]: inner, ...others } = (value ?? {}) as Record<string, Json>
  const next = patched(inner, deeper)
  return next === undefined ? others : { ...others, [first]: next }
}

/** `before` with everything done that a plan says; what is added is taken from `after`. */
function carriedOut(before: Config, after: Config, changes: readonly ObjectChange[]): object {
  const hosts: Record<string, Record<string, unknown>> = structuredClone(before.hosts)
  for (const { host, object, kind, fields } of changes) {
    const own = { ...hosts[host] }
    hosts[host] = own
    if (kind === 'remove') delete own[object]
    else if (kind === 'add') own[object] = after.hosts[host]?.[object]
    else {
      own[object] = fields.reduce<Json | undefined>(patched, own[object] as Json)
    }
  }
  return Object.fromEntries(Object.entries(hosts).filter(([, own]) => Object.keys(own).length > 0))
}

describe('the difference of two configs', () => {
  it('is empty for equal ones, in whatever order they are written', () => {
    fc.assert(
      fc.property(config, (one) => {
        const plan = diffConfigs(one, { ...one, hosts: turned(one.hosts) })
        const empty = { changes: [], opens: [], closes: [], loses: [], needs: [], guards: [] }
        assert.deepEqual(plan, empty)
      }),
    )
  })

  it('names every difference, and none that is not there', () => {
    fc.assert(
      fc.property(config, config, (before, after) => {
        const { changes } = diffConfigs(before, after)
        assert.deepEqual(carriedOut(before, after, changes), after.hosts)
        for (const { host, object, kind, fields, effect } of changes) {
          const [from, to] = [before.hosts[host]?.[object], after.hosts[host]?.[object]]
          assert.equal(kind === 'add', from === undefined)
          assert.equal(kind === 'remove', to === undefined)
          if (kind !== 'change') continue
          for (const { segments, from: old, to: next } of fields) {
            assert.deepEqual(valueAt(from, segments), old)
            assert.deepEqual(valueAt(to, segments), next)
            assert.notDeepEqual(old, next)
          }
          if (fields.length === 0) assert.equal(effect, 'replace')
        }
      }),
    )
  })

  it('says of exactly those containers that they are replaced which get another revision', () => {
    fc.assert(
      fc.property(config, config, (before, after) => {
        const { changes } = diffConfigs(before, after)
        const said = changes
          .filter(({ effect }) => effect === 'replace')
          .map(({ host, object }) => `${host} ${object}`)
        assert.deepEqual(said.sort(), replacedIn(before, after))
      }),
    )
  })
})

function valueAt(value: unknown, segments: readonly string[]): unknown {
  return segments.reduce<unknown>((inner, name) => {
    // A member may have the name of what every object inherits.
    return Object.hasOwn(Object(inner), name) ? Object(inner)[name] : undefined
  }, value)
}

function replacedIn(before: Config, after: Config): readonly string[] {
  const revisions = (one: Config, host: string): ReadonlyMap<string, string> => {
    const { spec } = resolveRunc(clusterOf(one), host)
    return new Map(spec.containers.map(({ object, revision }) => [object, revision]))
  }
  return Object.keys(after.hosts)
    .flatMap((host) => {
      const old = revisions(before, host)
      return [...revisions(after, host)]
        .filter(([object, revision]) => old.has(object) && old.get(object) !== revision)
        .map(([object]) => `${host} ${object}`)
    })
    .sort()
}
