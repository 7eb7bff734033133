import type { VirtualHost } from './host.ts'
import { until } from './waiting.ts'

/** The answers that a container has seen which asks for a page over and over. */
interface Seen {
  readonly ok: number
  readonly failed: number
  /** True if the last time was a success. */
  readonly isOk: boolean
}

/** Polls that have to go well before a page counts as served again. */
const pollsMin = 10

/** Command of a busybox container that asks for a page ten times a second and says how it went. */
export function watchCommand(address: string, text: string): readonly string[] {
  // busybox's own -w ends once the connection is there, and the other end may go right then.
  const ask = `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | timeout 3 nc ${address} 80`
  const say = `if ${ask} 2>/dev/null | grep -q '${text}'; then echo ok; else echo failed; fi`
  return ['sh', '-c', `trap 'exit 0' TERM; while :; do ${say}; sleep 0.1; done`]
}

/** Reads what such a container has said, from its log on its host. */
export class PageWatch {
  readonly #host: VirtualHost
  readonly #object: string

  constructor(host: VirtualHost, object: string) {
    this.#host = host
    this.#object = object
  }

  async seen(): Promise<Seen> {
    const script = `cat /var/lib/covey/logs/${this.#object}/*`
    const text = await this.#host.must('sh', ['-c', script])
    const words = text.match(/(?<= stdout F )(ok|failed)$/gm) ?? []
    const ok = words.filter((word) => word === 'ok').length
    return { ok, failed: words.length - ok, isOk: words.at(-1) === 'ok' }
  }

  /** Waits until the page has arrived some more times from now on. */
  async goesOn(): Promise<void> {
    const before = await this.seen()
    await until('the page arrives', async () => {
      const now = await this.seen()
      return now.isOk && now.ok >= before.ok + pollsMin
    })
  }

  /** Waits until the page has failed to arrive from now on. */
  async breaks(): Promise<void> {
    const before = await this.seen()
    await until('the page fails', async () => (await this.seen()).failed > before.failed)
  }
}
