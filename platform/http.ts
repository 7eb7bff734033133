/**
 * Node's HTTP, without what an `import` of `node:http` brings: its exports are read one by one
 * then, and one of them loads Node's `WebSocket` and `fetch` (55 ms of processor time at each start
 * and 5 MB of memory, Node 26). What is asked for by name loads nothing else.
 */
const http: typeof import('node:http') = process.getBuiltinModule('node:http')
const https: typeof import('node:https') = process.getBuiltinModule('node:https')

/** Sends a request, by plain HTTP or over a UNIX socket. */
export const request: typeof http.request = http.request
/** Sends a request by TLS. */
export const requestByTls: typeof https.request = https.request
/** Makes a server that listens nowhere yet. */
export const createServer: typeof http.createServer = http.createServer
/** The words of each status, as "Not Found". */
export const statusTexts: typeof http.STATUS_CODES = http.STATUS_CODES
