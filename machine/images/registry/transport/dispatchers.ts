/**
 * The used parts of undici, for a late import. It is CommonJS: an `import()` of the package
 * itself has these names under Node, but not in a bundle, where only a static import finds them.
 */
export { Pool, ProxyAgent } from 'undici'
