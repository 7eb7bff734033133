import * as fc from 'fast-check'
import type { Files } from './world.ts'

/** A service as properties vary it. */
interface RandomService {
  readonly replicas: number
  readonly volume: boolean
  readonly secret: boolean
  readonly port: boolean
  readonly network: 'default' | 'front' | 'proxy' | 'host'
}

/** A layout as properties vary it: services of stacks, by name. */
export interface RandomLayout {
  readonly hosts: readonly string[]
  readonly stacks: ReadonlyMap<string, readonly RandomService[]>
}

const service: fc.Arbitrary<RandomService> = fc.record({
  replicas: fc.integer({ min: 1, max: 4 }),
  volume: fc.boolean(),
  secret: fc.boolean(),
  port: fc.boolean(),
  network: fc.constantFrom('default', 'front', 'proxy', 'host'),
})

/** Layouts of up to five hosts and four stacks of up to five services. */
export const randomLayout: fc.Arbitrary<RandomLayout> = fc
  .record({
    hosts: fc.integer({ min: 1, max: 5 }),
    stacks: fc.array(fc.array(service, { minLength: 1, maxLength: 5 }), { maxLength: 4 }),
  })
  .map(({ hosts, stacks }) => ({
    hosts: Array.from({ length: hosts }, (_, index) => `h${index}`),
    stacks: new Map(stacks.map((services, index) => [`st${index}`, services])),
  }))

/** Its files. No two services ask for one port, so that every layout is without a fault. */
export function filesOf({ hosts, stacks }: RandomLayout): Files {
  const texts = [...stacks].map(([stack, services], at) => {
    const lines = services.map((each, index) => serviceLines(each, index, at))
    const volumes = services.map((_, index) => `  d${index}: {}\n`)
    const networks = '  front: {}\n  proxy: { external: true }\n'
    const text = `services:\n${lines.join('')}volumes:\n${volumes.join('')}networks:\n${networks}`
    return [`${stack}.yaml`, text] as const
  })
  const lines = [...stacks.keys()].map((stack) => {
    return `  ${stack}: { file: ${stack}.yaml, hosts: [${hosts.join(', ')}] }\n`
  })
  const layout =
    `cluster: home\nhosts:\n${hosts.map((host) => `  ${host}: {}\n`).join('')}` +
    `stacks:${lines.length === 0 ? ' {}' : ''}\n${lines.join('')}`
  return { 'cluster.yaml': layout, ...Object.fromEntries(texts) }
}

function serviceLines(each: RandomService, index: number, stack: number): string {
  const isHost = each.network === 'host'
  const replicas = each.volume || each.port || isHost ? 1 : each.replicas
  return [
    `  s${index}:`,
    `    image: r.example/a${index}:1`,
    `    deploy: { replicas: ${replicas} }`,
    ...(each.volume ? [`    volumes: ["d${index}:/d"]`] : []),
    ...(each.secret ? [`    environment: { MODE: x, A_PASSWORD: "${stack}-${index}" }`] : []),
    ...(each.port && !isHost ? [`    ports: ["${8000 + stack * 10 + index}:80"]`] : []),
    isHost ? '    network_mode: host' : `    networks: [${each.network}]`,
    '',
  ].join('\n')
}
