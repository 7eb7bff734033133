import { request } from 'node:http'
import { type Status, statusSchema } from '../../protocol/api/status.ts'

export type { Status as AgentStatus } from '../../protocol/api/status.ts'

const answerMsMax = 5_000

/** Asks an agent for its status over its UNIX socket, which may lie in another mount namespace. */
export function askStatus(socketPath: string): Promise<Status> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path: '/v1/status', timeout: answerMsMax }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString()
        if (response.statusCode === 200) resolve(statusSchema.parse(JSON.parse(text)))
        else reject(new Error(`GET /v1/status: ${response.statusCode} ${text}`))
      })
    })
    asked.on('timeout', () => asked.destroy(new Error('no answer to GET /v1/status')))
    asked.on('error', reject)
    asked.end()
  })
}

/** True if a host holds and has applied at least this version. */
export function hasApplied(status: Status, version: number): boolean {
  return (status.applied?.version ?? 0) >= version
}
