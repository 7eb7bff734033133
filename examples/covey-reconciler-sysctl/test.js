import assert from 'node:assert/strict'
import { test } from 'node:test'
import { contractSuite, createFakeHost } from 'covey/testing'
import { reconciler } from './index.js'

/** A config with these objects on the host `cloud01`. */
const configOf = (section) => ({ hosts: { cloud01: section } })
const parameter = (key, value) => ({ type: 'sysctl', key, value })

/** A host whose kernel has three parameters, played by a function of the arguments. */
function open() {
  const kernel = new Map([
    ['vm.swappiness', '60'],
    ['kernel.pid_max', '32768'],
    ['fs.file-max', '1000'],
  ])
  const done = (stdout) => ({ exitCode: 0, stdout, stderr: '' })
  const sysctl = ([flag, word]) => {
    const [key, value] = word.split('=')
    if (!kernel.has(key)) return { exitCode: 255, stdout: '', stderr: `cannot stat ${key}` }
    if (flag === '-n') return done(`${kernel.get(key)}\n`)
    kernel.set(key, value)
    return done('')
  }
  const { ports } = createFakeHost({ tools: { sysctl } })
  return {
    ports,
    kernel,
    text: async () => [...kernel].map((pair) => pair.join(' = ')).join('\n'),
    close: async () => {},
  }
}

contractSuite('sysctl keeps the law of reconcilers', {
  reconciler,
  host: 'cloud01',
  open: async () => open(),
  configs: [
    {
      name: 'two parameters',
      config: configOf({
        a: parameter('vm.swappiness', '10'),
        b: parameter('fs.file-max', '2000'),
      }),
    },
    { name: 'another value', config: configOf({ a: parameter('vm.swappiness', '20') }) },
    { name: 'none', config: configOf({}) },
  ],
  makeForeign: async ({ ports }) => {
    const args = ['-w', 'kernel.pid_max=40000']
    await ports.run({ tool: 'sysctl', args }, new AbortController().signal)
  },
  foreign: (text) =>
    text
      .split('\n')
      .filter((line) => line.startsWith('kernel.pid_max'))
      .join('\n'),
  drifts: [
    {
      name: 'someone sets another value',
      happen: async ({ ports }) => {
        const args = ['-w', 'vm.swappiness=99']
        await ports.run({ tool: 'sysctl', args }, new AbortController().signal)
      },
    },
  ],
})

test('what it was comes back', async () => {
  const host = open()
  const signal = new AbortController().signal
  for (const section of [{ a: parameter('vm.swappiness', '10') }, {}]) {
    const { spec } = reconciler.resolve(configOf(section), 'cloud01')
    const steps = reconciler.plan(spec, await reconciler.observe(spec, host.ports, signal))
    for (const step of steps) await reconciler.apply(step, host.ports, signal)
  }
  assert.equal(host.kernel.get('vm.swappiness'), '60')
})

test('faults name their field, and an option of the tool is none of them', () => {
  for (const [object, path] of [
    [parameter('-p', '1'), 'hosts.cloud01.a.key'],
    [parameter('vm.swappiness', '1;2'), 'hosts.cloud01.a.value'],
    [{ type: 'sysctl', key: 'vm.swappiness' }, 'hosts.cloud01.a.value'],
  ]) {
    const { faulty } = reconciler.resolve(configOf({ a: object }), 'cloud01')
    assert.deepEqual(
      faulty.map(({ fault }) => fault.path),
      [path],
    )
  }
})

test('a parameter that the kernel has not is said to be missing', async () => {
  const host = open()
  const signal = new AbortController().signal
  const config = configOf({ a: parameter('vm.absent', '1') })
  const { spec } = reconciler.resolve(config, 'cloud01')
  const observed = await reconciler.observe(spec, host.ports, signal)
  assert.deepEqual(reconciler.plan(spec, observed), [])
  assert.match(reconciler.judge(spec, observed)[0].reason, /no vm\.absent/)
})
