import { compileLayout } from '../../operator/layout/compile.ts'
import { configFaults } from '../../operator/signing/draft.ts'
import { type Files, inputOf, prepared } from '../operator/layout/world.ts'
import { type BenchLine, line, median } from './report.ts'

const runs = 5
/** Services of each stack; each stack has two hosts. */
const servicesPerStack = 20

/** A layout of stacks that are spread over the hosts, with volumes and secrets. */
function layoutOf(hosts: number, stacks: number): Files {
  const services = Array.from({ length: servicesPerStack }, (_, index) => {
    const after = index === 0 ? '' : `    depends_on: [s${index - 1}]\n`
    return (
      `  s${index}:\n    image: r.example/a${index}:1\n    volumes: ["d${index}:/d"]\n` +
      `    environment: { MODE: x, A_PASSWORD: y }\n${after}`
    )
  })
  const volumes = services.map((_, index) => `  d${index}: {}\n`)
  const text = `services:\n${services.join('')}volumes:\n${volumes.join('')}`
  const names = Array.from({ length: hosts }, (_, index) => `h${index}`)
  const numbers = Array.from({ length: stacks }, (_, index) => index)
  const lines = numbers.map((number) => {
    const own = [0, 1].map((each) => names[(2 * number + each) % hosts])
    return `  st${number}: { file: st${number}.yaml, hosts: [${own.join(', ')}] }\n`
  })
  const listed = names.map((name) => `  ${name}: {}\n`).join('')
  return {
    'cluster.yaml': `cluster: home\nhosts:\n${listed}stacks:\n${lines.join('')}`,
    ...Object.fromEntries(numbers.map((number) => [`st${number}.yaml`, text])),
  }
}

/** From texts to a checked config, with a lock that has all facts. */
async function compileTimes(hosts: number, stacks: number): Promise<readonly number[]> {
  const files = layoutOf(hosts, stacks)
  const { lock } = await prepared(await inputOf(files))
  const times: number[] = []
  for (let run = 0; run < runs; run++) {
    const startedAt = performance.now()
    const { hosts: sections } = await compileLayout(await inputOf(files, lock))
    configFaults({ hosts: sections })
    times.push(performance.now() - startedAt)
  }
  return times
}

/** What it takes to read and compile 50 stacks of 20 on 100 hosts, and whether that is linear. */
export async function measureCompile(): Promise<readonly BenchLine[]> {
  const half = await compileTimes(50, 25)
  const whole = await compileTimes(100, 50)
  return [
    line('compile 1,000 containers on 100 hosts', whole, 'ms', 'goal', [2_000]),
    line('  for each container', [median(whole) / 1_000], 'ms', 'of half as many', [
      median(half) / 500,
    ]),
  ]
}
