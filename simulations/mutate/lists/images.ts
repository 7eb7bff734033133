import type { Mutation } from '../mutation.ts'

const found = { test: 'test/machine/images/odd/found-layers.test.ts' }
const types = { test: 'test/machine/images/formats/generic-types.test.ts' }
const platforms = { test: 'test/machine/images/formats/platform.test.ts' }
const configs = { test: 'test/machine/images/formats/image-config.test.ts' }
const archives = { test: 'test/machine/images/archives.test.ts' }
const strange = { test: 'test/machine/images/registry/strange.test.ts' }

/** Faults in what an image is read and unpacked by. */
export const imageMutations: readonly Mutation[] = [
  {
    name: 'mark-in-a-link',
    breaks: 'A whiteout in what became a link brings the folder of the layer below back.',
    file: 'machine/images/layers/whiteouts.ts',
    find: "    if (node !== undefined && node.kind !== 'folder') return true\n",
    replace: '',
    caughtBy: found,
  },
  {
    name: 'clobbered-folder-shows',
    breaks: 'A folder that was a file in between shows what the layer below had in it.',
    file: 'machine/images/layers/layer-tree.ts',
    find: "    if (known !== undefined && known.kind !== 'folder' && node.kind === 'folder') this.remove(path)\n",
    replace: '',
    caughtBy: found,
  },
  {
    name: 'link-below-forgotten',
    breaks: 'An entry in a folder that the layer below has as a link makes a folder of it.',
    file: 'machine/images/layers/layer-tree.ts',
    find: 'if (target === undefined) this.passed.add(below)',
    replace: 'if (target === undefined) this.passed.delete(below)',
    caughtBy: found,
  },
  {
    name: 'removed-file-is-linked',
    breaks: 'A hard link brings a file back that the layer removed.',
    file: 'machine/images/layers/layer-links.ts',
    find: 'further === undefined && tree.isHidden(target)) refuse',
    replace: 'further === undefined && false) refuse',
    caughtBy: found,
  },
  {
    name: 'copied-over-what-came-after',
    breaks: 'A file that a layer gives a further name, and then replaces, is as it was below.',
    file: 'machine/images/unpack/plan-fixes.ts',
    find: 'if (isHidden) this.renames.set(target, first)',
    replace: 'if (isHidden && this.lower.length < 0) this.renames.set(target, first)',
    caughtBy: found,
  },
  {
    name: 'whiteout-of-nothing',
    breaks: 'A whiteout of nothing is listed in the folder of a lowest layer.',
    file: 'machine/images/unpack/plan-fixes.ts',
    find: '    if (seen?.path !== path) return\n    await this.foldersAbove(path)\n',
    replace:
      '    if (seen?.path !== path && this.lower.length < 0) return\n    await this.foldersAbove(path)\n',
    caughtBy: found,
  },
  {
    name: 'opaque-root-shows',
    breaks: 'A layer that hides all below it hides nothing, as overlayfs knows no such mark.',
    file: 'machine/images/unpack/plan-fixes.ts',
    find: "if (path === '') return await this.hideRoot()",
    replace: "if (path === '/') return await this.hideRoot()",
    caughtBy: found,
  },
  {
    name: 'group-handed-on',
    breaks: 'A folder that is copied into one with the set-group-id bit has that bit too.',
    file: 'machine/images/unpack/apply-fixes.ts',
    find: "{ layer, paths, isTold: 'twice' }",
    replace: "{ layer, paths, isTold: 'once' }",
    caughtBy: found,
  },
  {
    name: 'hole-at-the-end-lost',
    breaks: 'A sparse file that ends in a hole is cut off.',
    file: 'platform/tar/sparse.ts',
    find: 'end < map.realBytes',
    replace: 'end < 0',
    caughtBy: found,
  },
  {
    name: 'two-kinds-at-once',
    breaks: 'A document that is an index and a manifest is taken for an index (CVE-2021-41190).',
    file: 'machine/images/formats/manifest.ts',
    find: '  if (isIndex && isManifest) {',
    replace: '  if (isIndex && isManifest && contentType === null && calledIn !== null) {',
    caughtBy: types,
  },
  {
    name: 'called-otherwise-in-the-index',
    breaks: 'An index that the index above it calls a manifest is followed.',
    file: 'machine/images/formats/manifest.ts',
    find: "for (const named of [own, said, calledIn ?? '']) {",
    replace: 'for (const named of [own, said]) {',
    caughtBy: types,
  },
  {
    name: 'generic-type-refused',
    breaks: 'A manifest that calls itself application/json is refused.',
    file: 'machine/images/formats/manifest.ts',
    find: 'if (documentKind(own) === undefined && !isGeneric(own)) return',
    replace: "if (documentKind(own) === undefined && own !== '') return",
    caughtBy: types,
  },
  {
    name: 'level-above-the-processor',
    breaks: 'An image for amd64/v3 is taken where one of the processors has not that level.',
    file: 'machine/images/formats/cpu.ts',
    find: 'processors.every((known) =>',
    replace: 'processors.some((known) =>',
    caughtBy: platforms,
  },
  {
    name: 'empty-entrypoint-runs',
    breaks: 'ENTRYPOINT [""] is a program without a name.',
    file: 'machine/images/formats/image-config.ts',
    find: "return value.length === 1 && value[0] === '' ? [] : value",
    replace: 'return value',
    caughtBy: configs,
  },
  {
    name: 'foreign-platform-ends-a-load',
    breaks: 'An archive with an image for another platform in it is not loaded at all.',
    file: 'machine/images/archive/load.ts',
    find: "return code === 'image-platform' || code",
    replace: 'return code',
    caughtBy: archives,
  },
  {
    name: 'best-image-or-none',
    breaks: 'An archive that lacks the best of several images is refused.',
    file: 'machine/images/pull/documents.ts',
    find: "|| error.code !== 'archive-incomplete') throw error",
    replace: "|| error.code !== 'archive') throw error",
    caughtBy: archives,
  },
  {
    name: 'login-page-unnamed',
    breaks: 'A login page is said to be an image of another size.',
    file: 'machine/images/registry/transport/what-came.ts',
    find: "return strangeAnswer(answer.url.host, answer.one('content-type'), start) ?? otherwise",
    replace: 'return start.length < 0 ? otherwise : otherwise',
    caughtBy: strange,
  },
]
