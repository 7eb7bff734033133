import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createNftables } from '../../../reconcilers/nftables/index.ts'
import { rescuePortsDefault } from '../../../reconcilers/nftables/resolve.ts'
import { reconcile } from '../contract-suite.ts'
import { createFakeHost } from '../fake/host.ts'
import { tablesText } from '../fake/nft.ts'
import { nftablesConfigs } from './cases.ts'

test('a change of its own is seen before the kernel has told of it', async () => {
  // A watch that is always late, as on a busy machine.
  const late = createNftables({ rescuePorts: rescuePortsDefault, changes: () => 1 })
  const [host, other] = [createFakeHost(), createFakeHost()]
  const full = createNftables({ rescuePorts: rescuePortsDefault, changes: () => null })
  for (const { name, config } of [...nftablesConfigs, ...nftablesConfigs.toReversed()]) {
    await reconcile(late, config, 'h1', host.ports)
    assert.deepEqual(await reconcile(late, config, 'h1', host.ports), [], name)
    await reconcile(full, config, 'h1', other.ports)
    assert.equal(tablesText(host.model), tablesText(other.model), name)
  }
})
