import type { Mutation } from './mutation.ts'

/**
 * Faults in what the simulator replaces by models: bytes, signatures and the disk's own calls. The
 * crash tests run the same store on a model of the disk that is cut off between any two calls.
 */
export const machineMutations: readonly Mutation[] = [
  {
    name: 'folder-not-synced',
    breaks: 'A renamed file may have its old name again after a power cut.',
    file: 'agent/state/durable-file.ts',
    find: '  await syncFolder(calls, dirname(path))\n}\n\n/** Makes the names',
    replace: '}\n\n/** Makes the names',
    caughtBy: { test: 'test/crash/crash.test.ts' },
  },
  {
    name: 'file-not-synced',
    breaks: 'A renamed file may be empty after a power cut.',
    file: 'agent/state/durable-file.ts',
    find: '    for (const part of parts) await file.write(part)\n    await sync(file, path)\n',
    replace: '    for (const part of parts) await file.write(part)\n',
    caughtBy: { test: 'test/crash/crash.test.ts' },
  },
  {
    name: 'new-folder-not-synced',
    breaks: 'A folder that was just made may be gone after a power cut, with all that is in it.',
    file: 'agent/state/disk.ts',
    find: '        await syncFolder(calls, dirname(part))\n',
    replace: '',
    caughtBy: { test: 'test/crash/crash.test.ts' },
  },
  {
    name: 'failed-fsync-repeated',
    breaks: 'A failed fsync is tried again, and the second one says that all is well.',
    file: 'agent/state/durable-file.ts',
    find: '    throw new SyncFailed(path, error)',
    replace: '    void error\n    await file.sync()',
    caughtBy: { test: 'test/crash/crash.test.ts' },
  },
  {
    name: 'head-before-its-roots',
    breaks: 'A crash leaves a head whose root is not there yet.',
    file: 'agent/state/store.ts',
    find: '  return files\n}\n\nfunction evidencePath',
    replace: '  return files.reverse()\n}\n\nfunction evidencePath',
    caughtBy: { test: 'test/crash/crash.test.ts' },
  },
  {
    name: 'damaged-floor-is-none',
    breaks: 'A host that cannot read its floor takes it that there was none.',
    file: 'agent/state/store.ts',
    find: 'return { floor: null, known: false }',
    replace: 'return { floor: null, known: true }',
    caughtBy: { test: 'test/agent/mutants.test.ts' },
  },
  {
    name: 'bad-signature-passed-over',
    breaks: 'A bad signature beside a good one does no harm.',
    file: 'agent/state/verify.ts',
    find: "return bad('bad-signature', message, path)",
    replace: 'continue',
    caughtBy: { test: 'test/agent/state.test.ts' },
  },
  {
    name: 'thumbprint-unchecked',
    breaks: 'A root may call a key by the name of another one.',
    file: 'agent/state/verify.ts',
    find: 'if (thumbprintOf(jwk) !== kid.value) {',
    replace: 'if (kid.value === null) {',
    caughtBy: { test: 'test/agent/mutants.test.ts' },
  },
  {
    name: 'bomb-unpacked',
    breaks: 'A small message of a peer may unpack to any size.',
    file: 'agent/state/wire.ts',
    find: 'decompress(packed, { maxOutputLength: envelopeBytesMax })',
    replace: 'decompress(packed)',
    caughtBy: { test: 'test/agent/mutants.test.ts' },
  },
  {
    name: 'kind-of-document-unchecked',
    breaks: 'A signed root passes for a config.',
    file: 'protocol/documents/envelope.ts',
    find: "if (header['typ'] !== typeOf[kind]) {",
    replace: "if (header['typ'] === undefined) {",
    caughtBy: { test: 'test/agent/state.test.ts' },
  },
  {
    name: 'small-order-key-taken',
    breaks: 'A root may hold a key under which every message verifies.',
    file: 'protocol/documents/root.ts',
    find: 'if (isSmallOrder(bytes)) {',
    replace: 'if (bytes.length === 0) {',
    caughtBy: { test: 'test/protocol/roots.test.ts' },
  },
  {
    name: 'member-twice',
    breaks:
      'A document with a member that stands twice means different things to different parsers.',
    file: 'protocol/documents/canonical-json.ts',
    find: 'if (members.has(key)) {',
    replace: 'if (key === undefined) {',
    caughtBy: { test: 'test/protocol/documents.test.ts' },
  },
]
