import type { ServerResponse } from 'node:http'

/** Answers with one JSON document, ended by a line feed. */
export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(`${JSON.stringify(body)}\n`)
}
