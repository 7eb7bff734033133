import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { makeBusyboxTree } from '../registry/busybox.ts'
import type { VirtualHost } from './host.ts'
import { createLab, type Lab } from './lab.ts'
import { until } from './waiting.ts'

const mebibytes = 1024 * 1024
const memoryBytes = 64 * mebibytes

/** Mounts a layer with a folder to write to over it, and makes a network, as covey does. */
const prepare = `
set -eu
mkdir -p /run/one/rootfs /var/lib/covey/upper /var/lib/covey/work
cd /var/lib/covey
mount -t overlay -o lowerdir=layer,upperdir=upper,workdir=work overlay /run/one/rootfs
ip netns add one
cd /run/one
runc spec
`

/** The memory limit of its control group, of either version. */
const readLimit = `
cd /sys/fs/cgroup
cat memory/covey/one/memory.limit_in_bytes 2>/dev/null || cat covey/one/memory.max
`

/** The config that `runc spec` generates, for a container that says where it is and then waits. */
function configured(text: string): string {
  const config = JSON.parse(text)
  const script = 'cat /proc/self/cgroup; ip -o link; echo mark >/mark; sleep 1000'
  config.process = { ...config.process, args: ['sh', '-c', script], terminal: false }
  config.root.readonly = false
  config.linux.cgroupsPath = 'covey/one'
  config.linux.resources.memory = { limit: memoryBytes }
  for (const each of config.linux.namespaces) {
    if (each.type === 'network') each.path = '/run/netns/one'
  }
  return JSON.stringify(config)
}

describe('containers on virtual hosts', () => {
  let lab: Lab
  let host: VirtualHost

  before(async () => {
    lab = await createLab()
    host = await lab.host('cloud01')
    await makeBusyboxTree(join(host.folder, 'var-lib/covey/layer'))
  })
  after(() => lab.close())

  it('run under runc, with an overlay, a network and control groups of their own', async () => {
    await host.must('sh', ['-c', prepare])
    const config = configured(await host.must('cat', ['/run/one/config.json']))
    await host.must('sh', ['-c', 'cat >/run/one/config.json'], { stdin: config })
    const start = 'cd /run/one && runc create one >log 2>&1 </dev/null && runc start one'
    await host.must('sh', ['-c', start])
    const upper = join(host.folder, 'var-lib/covey/upper')
    await until('it has written', () => existsSync(join(upper, 'mark')))
    const said = await host.must('cat', ['/run/one/log'])
    assert.match(said, /memory:.*\/covey\/one$/m)
    assert.match(said, /^1: lo:/m)
    assert.equal((await host.must('sh', ['-c', readLimit])).trim(), String(memoryBytes))
    assert.match(await host.must('runc', ['exec', 'one', 'id']), /uid=0/)
  })

  it('are gone after a power cut, and so are their control groups', async () => {
    await host.powerCut()
    await host.boot()
    assert.equal((await host.must('runc', ['list', '--quiet'])).trim(), '')
    const left = await host.must('find', ['/sys/fs/cgroup', '-name', 'one'])
    assert.equal(left, '')
    assert.ok(existsSync(join(host.folder, 'var-lib/covey/upper/mark')))
  })
})
