import { request } from 'node:http'

/** A config's place in the order, as status documents show it. */
export interface ShownHead {
  readonly epoch: number
  readonly version: number
  readonly digest: string
}

/** The parts of `GET /v1/status` that tests look at (docs/OPERATING.md). */
export interface AgentStatus {
  readonly host: string
  readonly cluster: string
  readonly head: ShownHead | null
  readonly applied: ShownHead | null
  readonly confirmed: ShownHead | null
  readonly state: string
  readonly objects: readonly {
    readonly name: string
    readonly type: string
    readonly state: string
    readonly reason: string | null
  }[]
  readonly peers: readonly {
    readonly host: string
    readonly peer_id: string
    readonly connected: boolean
    readonly head: ShownHead | null
  }[]
  readonly hosts: readonly {
    readonly host: string
    readonly state: string
    readonly head: ShownHead | null
    readonly applied: ShownHead | null
  }[]
  readonly alarms: readonly { readonly code: string; readonly message: string }[]
}

const answerMsMax = 5_000

/** Asks an agent for its status over its UNIX socket, which may lie in another mount namespace. */
export function askStatus(socketPath: string): Promise<AgentStatus> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath, path: '/v1/status', timeout: answerMsMax }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString()
        if (response.statusCode === 200) resolve(JSON.parse(text))
        else reject(new Error(`GET /v1/status: ${response.statusCode} ${text}`))
      })
    })
    asked.on('timeout', () => asked.destroy(new Error('no answer to GET /v1/status')))
    asked.on('error', reject)
    asked.end()
  })
}

/** Whether a host holds and has applied at least this version. */
export function hasApplied(status: AgentStatus, version: number): boolean {
  return (status.applied?.version ?? 0) >= version
}
