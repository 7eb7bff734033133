/** Bounds of trees that are copied, by name, with the unit last. */

/** Entries of one tree. */
export const treeEntriesMax: number = 1_000_000
/** Content of all files of one tree, holes included. */
export const treeBytesMax: number = 1024 ** 4
/** Names in one path, and bytes of a path and of a link's target (PATH_MAX). */
export const treePartsMax: number = 256
export const treePathBytesMax: number = 4_000
/** Bytes of one name (NAME_MAX). */
export const treeNameBytesMax: number = 255
