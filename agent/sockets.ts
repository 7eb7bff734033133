import { openCopies } from '../machine/containers/copy/serve.ts'
import { openExecSessions } from '../machine/containers/exec/sessions.ts'
import { createStats } from '../machine/containers/stats/read-stats.ts'
import { ownAddresses } from '../machine/kernel/addresses.ts'
import { steadyClock } from '../machine/steady-clock.ts'
import type { AgentInit, Running } from './agent.ts'
import { createContainerDirectory } from './control/container-directory.ts'
import { containerRoutes, containerUpgrades } from './control/container-routes.ts'
import { doctorRoute } from './control/doctor-route.ts'
import { firewallRoute } from './control/firewall-route.ts'
import { imageAdminRoutes, imageRoutes } from './control/image-routes.ts'
import { openOneOffs } from './control/one-offs/one-offs.ts'
import { orderRoutes } from './control/orders/order-routes.ts'
import { controlRoutes } from './control/routes.ts'
import { openControl } from './control/server.ts'
import { statsRoute } from './control/stats/stats-route.ts'
import { volumeAdminRoutes } from './control/volumes/volume-routes.ts'

/** The sockets of an agent, and what is served only over them. */
export interface Sockets {
  /** Closes them and ends the commands that clients run in containers. */
  stop(): Promise<void>
}

/** Opens both sockets with all that is asked over them. */
export async function openSockets(init: AgentInit, running: Running): Promise<Sockets> {
  const { stateDir, runDir, log } = init
  const { shell, loop, host, adopted, name } = running
  const { port, state } = host.containers
  const looks = { run: host.ports.run, host: name, adopted }
  const directory = createContainerDirectory({
    containers: port,
    bundleOf: (id) => state.of(id).bundle,
    runcRoot: state.places.runcRoot,
    host: name,
    adopted,
  })
  const execs = openExecSessions({
    runDir,
    log,
    onExec(object, program) {
      const about = { event: 'container', name: object, what: 'exec', detail: program } as const
      shell.events.tell({ ...about, at: steadyClock.now() })
    },
  })
  const oneOffs = openOneOffs({ stateDir, ports: host.ports, state, host: name, adopted, log })
  const containers = { stateDir, directory, execs, copies: openCopies(log), oneOffs }
  const ordering = {
    ...{ directory, containers: host.containers, images: host.images, loop, host: name, adopted },
    now: () => steadyClock.now(),
    onOrder(object: string, detail: string) {
      const about = { event: 'container', name: object, what: 'ordered', detail } as const
      shell.events.tell({ ...about, at: steadyClock.now() })
    },
  }
  const stats = createStats(state, () => performance.now())
  const control = await openControl({
    runDir,
    routes: () =>
      new Map([
        ...controlRoutes({ shell, plan: () => loop.plan() }),
        ...imageRoutes(host.images),
        ...containerRoutes(containers),
        ['GET /v1/firewall', firewallRoute({ ...looks, addresses: ownAddresses })] as const,
        ['GET /v1/stats', statsRoute(stats)] as const,
        ['GET /v1/doctor', doctorRoute(looks)] as const,
      ]),
    adminRoutes: new Map([
      ...imageAdminRoutes(host.images),
      ...volumeAdminRoutes(host.volumes),
      ...orderRoutes(ordering),
    ]),
    adminUpgrades: containerUpgrades(containers),
    log,
  })
  return {
    async stop() {
      await control.close()
      await execs.stop()
    },
  }
}
