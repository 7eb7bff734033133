import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as z from 'zod'
import { coveyVersion } from '../../protocol/version.ts'
import { knownTypes } from '../../reconcilers/lint.ts'
import { isOlder, neededVersion, since } from '../../reconcilers/since.ts'

/** Every field that version 0.1.0 knew, by its type. */
const first: Readonly<Record<string, string>> = {
  agent: 'type peer_id network port',
  wireguard_network: 'type link_name address listen_port mtu public_key endpoint',
  wireguard_peer:
    'type network allowed_ips host public_key endpoint persistent_keepalive default_route',
  wireguard_mesh: 'type network',
  container_network: 'type network subnet',
  runc_container: [
    'type image network address command args env working_dir user hostname mounts mounts[].volume',
    'mounts[].host_path mounts[].path mounts[].read_only tmpfs shm_bytes files files[].path',
    'files[].content files[].mode secrets secrets[].secret secrets[].path secrets[].mode',
    'secrets[].env devices host_network user_namespace resources resources.memory_bytes',
    'resources.cpu_milli resources.pids capabilities capabilities.add capabilities.drop',
    'read_only_root restart stop_signal stop_grace_seconds health health.command health.http',
    'health.http.port health.http.path health.http.host health.http.headers health.http.https',
    'health.tcp health.tcp.port health.interval_seconds health.timeout_seconds health.retries',
    'health.start_seconds labels runtime_config',
  ].join(' '),
  volume: 'type on_remove',
  secret: 'type jwe',
  nftables_forward: 'type from to',
  nftables_policy:
    'type container ingress ingress[].from ingress[].ports egress egress[].to egress[].ports',
  nftables_publish: 'type container protocol host_port container_port on',
  nftables_masquerade: 'type network',
}

/** Paths of all fields of a JSON Schema. */
function fieldsOf(schema: unknown, at: string): readonly string[] {
  if (typeof schema !== 'object' || schema === null) return []
  const { anyOf, oneOf, allOf, properties, items } = schema as Record<string, unknown>
  const forms = [anyOf, oneOf, allOf].flatMap((each) => (Array.isArray(each) ? each : []))
  const members = Object.entries(properties ?? {})
  return [
    ...forms.flatMap((form) => fieldsOf(form, at)),
    ...members.flatMap(([name, inner]) => [`${at}.${name}`, ...fieldsOf(inner, `${at}.${name}`)]),
    ...fieldsOf(items, `${at}[]`),
  ]
}

describe('the versions that know an object', () => {
  for (const [type, schema] of Object.entries(knownTypes)) {
    it(`are known of each field that came after 0.1.0: ${type}`, () => {
      const known = new Set(first[type]?.split(' ').map((field) => `${type}.${field}`))
      const json = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
      const later = fieldsOf(json, type).filter((field) => !known.has(field))
      const isCovered = (field: string): boolean =>
        [...Object.keys(since)].some((each) => field === each || field.startsWith(`${each}.`))
      const isNewType = !Object.hasOwn(first, type) && Object.hasOwn(since, type)
      assert.deepEqual(isNewType ? [] : later.filter((field) => !isCovered(field)), [])
      const rows = Object.keys(since).filter((each) => each.startsWith(`${type}.`))
      assert.deepEqual(
        rows.filter((row) => !later.includes(row)),
        [],
      )
    })
  }

  it('are no newer than this one, and stand in order', () => {
    for (const version of Object.values(since)) assert.equal(isOlder(coveyVersion, version), false)
    assert.deepEqual(Object.keys(since), Object.keys(since).toSorted())
  })

  it('are told by the newest field, also in lists', () => {
    const old = { type: 'runc_container', tmpfs: ['/tmp'], capabilities: { add: [] } }
    assert.equal(neededVersion(old), null)
    const tmpfs = ['/tmp', { path: '/run' }]
    const needed = { version: '0.2.0', field: 'runc_container.tmpfs[].path' }
    assert.deepEqual(neededVersion({ ...old, tmpfs }), needed)
    assert.equal(neededVersion({ type: 'acme_thing', tmpfs }), null)
    assert.equal(neededVersion({ tmpfs }), null)
    assert.equal(neededVersion(null), null)
  })

  it('come before each other by number', () => {
    assert.equal(isOlder('0.1.0', '0.2.0'), true)
    assert.equal(isOlder('0.9.0', '0.10.0'), true)
    assert.equal(isOlder('0.2.0', '0.2.0'), false)
    assert.equal(isOlder('1.0.0', '0.9.9'), false)
    assert.equal(isOlder('0.2.0-rc.1', '0.2.0'), false)
    assert.equal(isOlder('', '0.2.0'), true)
  })
})
