import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  legacyCounters,
  networkCounters,
  type ReadGroup,
  unifiedCounters,
} from '../../../machine/containers/stats/counters.ts'

function from(files: Readonly<Record<string, string>>): ReadGroup {
  return (controller, name) => files[controller === '' ? name : `${controller}/${name}`] ?? null
}

const none = {
  ...{ cpu_ns: null, memory_bytes: null, memory_limit_bytes: null, pids: null, pids_limit: null },
  ...{ read_bytes: null, write_bytes: null },
}

describe('counters of control groups', () => {
  it('are read of version 2', () => {
    const files = {
      'cpu.stat': 'usage_usec 1500\nuser_usec 1000\nsystem_usec 500\n',
      'memory.current': '4096000\n',
      'memory.stat': 'anon 1000\ninactive_file 96000\nactive_file 5\n',
      'memory.max': '8192000\n',
      'io.stat':
        '8:0 rbytes=100 wbytes=7 rios=1 wios=1 dbytes=9 dios=0\n' +
        '8:16 rbytes=20 wbytes=0 rios=1 wios=0 dbytes=0 dios=0\n',
      'pids.current': '3\n',
      'pids.max': 'max\n',
    }
    assert.deepEqual(unifiedCounters(from(files)), {
      ...{ cpu_ns: 1_500_000, memory_bytes: 4_000_000, memory_limit_bytes: 8_192_000 },
      ...{ read_bytes: 120, write_bytes: 7, pids: 3, pids_limit: null },
    })
    // A group that has used no disk yet has an empty file.
    assert.equal(unifiedCounters(from({ 'io.stat': '' })).read_bytes, 0)
  })

  it('are read of version 1', () => {
    const files = {
      'cpuacct/cpuacct.usage': '1500000\n',
      'memory/memory.usage_in_bytes': '4096000\n',
      'memory/memory.stat': 'inactive_file 1\ntotal_inactive_file 96000\n',
      'memory/memory.limit_in_bytes': '9223372036854771712\n',
      'blkio/blkio.throttle.io_service_bytes_recursive':
        '8:0 Read 100\n8:0 Write 7\n8:0 Sync 7\n8:0 Total 107\n8:16 Read 20\nTotal 127\n',
      'pids/pids.current': '3\n',
      'pids/pids.max': '64\n',
    }
    assert.deepEqual(legacyCounters(from(files)), {
      ...{ cpu_ns: 1_500_000, memory_bytes: 4_000_000, memory_limit_bytes: null },
      ...{ read_bytes: 120, write_bytes: 7, pids: 3, pids_limit: 64 },
    })
  })

  it('are null where the kernel does not count, or says something else', () => {
    assert.deepEqual(unifiedCounters(from({})), none)
    assert.deepEqual(legacyCounters(from({})), none)
    const odd = { 'memory.current': 'a lot', 'cpu.stat': 'usage_usec -5\n', 'pids.current': '' }
    assert.deepEqual(unifiedCounters(from(odd)), none)
    // The file goes back to the disk between the two reads.
    const less = { 'memory.current': '10', 'memory.stat': 'inactive_file 20\n' }
    assert.equal(unifiedCounters(from(less)).memory_bytes, 0)
  })
})

describe('counters of a network', () => {
  it('are those of all links but the loopback', () => {
    const text =
      'Inter-|   Receive                           |  Transmit\n' +
      ' face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets\n' +
      '    lo: 999 1 0 0 0 0 0 0 999 1 0 0 0 0 0 0\n' +
      '  eth0: 100 2 0 0 0 0 0 0     7 1 0 0 0 0 0 0\n' +
      'eth1:20 2 0 0 0 0 0 0 3 1 0 0 0 0 0 0\n'
    assert.deepEqual(networkCounters(text), { rx_bytes: 120, tx_bytes: 10 })
    assert.deepEqual(networkCounters(''), { rx_bytes: 0, tx_bytes: 0 })
    assert.deepEqual(networkCounters(null), { rx_bytes: null, tx_bytes: null })
  })
})
