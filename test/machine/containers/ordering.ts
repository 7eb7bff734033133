import { request } from 'node:http'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { createContainerDirectory } from '../../../agent/control/container-directory.ts'
import { containerRoutes } from '../../../agent/control/container-routes.ts'
import { orderRoutes } from '../../../agent/control/orders/order-routes.ts'
import { openControl } from '../../../agent/control/server.ts'
import { type ContainerRow, containersSchema } from '../../../protocol/api/containers.ts'
import { isObject } from '../../../protocol/documents/canonical-json.ts'
import type { Config } from '../../../protocol/documents/config.ts'
import { afterwards } from '../../temporary.ts'
import type { TestMachine } from './machine.ts'
import { quietLog } from './quiet-log.ts'

/** The sockets of an agent over the containers of a test's machine. */
export interface Ordering {
  readonly runDir: string
  /** The orders that were told, as `web stop`. */
  readonly told: readonly string[]
  /** Images that were to be tried again at once. */
  readonly hurried: readonly string[]
  /** Asks `admin.sock`; the status and the document. */
  ask(method: string, path: string, body?: string, socket?: string): Promise<Asked>
  /** The container `name` as it is listed. */
  row(name: string): Promise<ContainerRow | undefined>
}

/** An answer, with its members. */
export interface Asked {
  readonly status: number
  readonly said: Readonly<Record<string, unknown>>
}

/** Serves the routes of containers and orders for a machine, until the test is over. */
export async function serveOrders(
  t: TestContext,
  on: TestMachine,
  objects: () => Readonly<Record<string, object>>,
): Promise<Ordering> {
  const [told, hurried]: [string[], string[]] = [[], []]
  const runDir = join(on.folder, 'sockets')
  const adopted = (): Config => ({ hosts: { h: objects() } }) as unknown as Config
  const directory = createContainerDirectory({
    // A machine that is opened again is another one.
    containers: {
      look: () => on.machine().port.look(),
      orders: () => on.machine().port.orders(),
    },
    bundleOf: () => '',
    runcRoot: '',
    host: 'h',
    adopted,
  })
  const control = await openControl({
    runDir,
    routes: () =>
      containerRoutes({
        stateDir: on.folder,
        directory,
        copies: null as never,
        oneOffs: null as never,
        execs: null as never,
      }),
    adminRoutes: orderRoutes({
      ...{ directory, host: 'h', adopted, now: Date.now },
      get containers() {
        return on.machine()
      },
      images: { hurry: (image) => void hurried.push(image) },
      loop: { retry: (object, reason) => on.loop().retry(object, reason) },
      onOrder: (object, detail) => void told.push(`${object} ${detail}`),
    }),
    adminUpgrades: new Map(),
    log: quietLog as never,
  })
  afterwards(t, () => control.close())
  const ask: Ordering['ask'] = async (method, path, body, socket = 'admin.sock') => {
    const { status, text } = await exchange(join(runDir, socket), method, path, body)
    const said: unknown = JSON.parse(text)
    return { status, said: isObject(said) ? said : { rows: said } }
  }
  return {
    ...{ runDir, told, hurried, ask },
    async row(name) {
      const { said } = await ask('GET', '/v1/containers')
      return containersSchema.parse(said['rows']).find((row) => row.name === name)
    },
  }
}

function exchange(
  socketPath: string,
  method: string,
  path: string,
  body: string | undefined,
): Promise<{ readonly status: number; readonly text: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, method, path, agent: false }, (response) => {
      let text = ''
      response.on('data', (chunk) => {
        text += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }))
    })
    outgoing.on('error', reject)
    outgoing.end(body)
  })
}
