import assert from 'node:assert/strict'
import { it } from 'node:test'
import fc from 'fast-check'
import { makeBundle } from '../../../reconcilers/runc/bundle/bundle.ts'
import { mountPointFault } from '../../../reconcilers/runc/object/spec-fields.ts'
import { at, bundleFacts, containerSpec, readyImage } from './bundles.ts'

const words = fc.array(fc.oneof(fc.string(), fc.constantFrom('A=b', 'PATH=', '/x', 'web')), {
  maxLength: 4,
})
const path = fc.oneof(
  fc.string(),
  fc.constantFrom('/', '/proc/x', '/data', '/etc/hosts', '/.covey'),
)
const image = fc.record({
  entrypoint: words,
  command: words,
  environment: words,
  workingDir: path,
  user: fc.oneof(fc.string(), fc.constantFrom('web', 'web:', '0:web', ':', '33:50', 'a:b:c')),
  stopSignal: fc.option(fc.string()),
  volumes: fc.array(path, { maxLength: 4 }),
})
const accounts = fc.option(fc.array(fc.string(), { maxLength: 5 }).map((parts) => parts.join(':')))
const object = fc.constantFrom<object>(
  {},
  { read_only_root: true },
  { tmpfs: ['/data'], user: '7' },
)

it('whatever an image says, a bundle is a fault or keeps its protections', () => {
  fc.assert(
    fc.property(image, accounts, accounts, object, (config, passwd, group, more) => {
      const ready = { ...readyImage(config), passwd, group }
      const made = makeBundle(containerSpec(more), ready, bundleFacts(), '')
      if (!made.ok) {
        assert.match(made.fault.code, /^(user-unknown|command-missing)$/)
        assert.doesNotMatch(made.fault.message, /\n/)
        return
      }
      const bundle = made.value.config
      assert.equal(at(bundle, 'process', 'noNewPrivileges'), true)
      assert.equal((at(bundle, 'linux', 'namespaces') as unknown[]).length, 6)
      const mounts = bundle['mounts'] as { type?: string; destination: string }[]
      const memory = mounts.slice(2).filter(({ type }) => type === 'tmpfs')
      for (const { destination } of memory) assert.equal(mountPointFault(destination), undefined)
    }),
    { numRuns: 500 },
  )
})
