import { diffConfigs } from '../../operator/diff/diff.ts'
import { compileLayout } from '../../operator/layout/compile.ts'
import { configFaults } from '../../operator/signing/draft.ts'
import { type Files, inputOf, prepared } from '../operator/layout/world.ts'
import { configOf } from '../reconcilers/configs.ts'
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

/** A cluster of this size: its layout, and the same with the tag of one image changed. */
interface Size {
  readonly hosts: number
  readonly stacks: number
}

/** Times of one run: to compile, to plan everything anew, and to plan a change of one value. */
interface Times {
  readonly compile: number[]
  readonly planAll: number[]
  readonly planOne: number[]
}

/** From texts to a checked config, with a lock that has all facts, and from there to a plan. */
async function timesOf({ hosts, stacks }: Size): Promise<Times> {
  const files = layoutOf(hosts, stacks)
  const { lock } = await prepared(await inputOf(files))
  const first = files['st0.yaml'] ?? ''
  const changed = { ...files, 'st0.yaml': first.replace('MODE: x', 'MODE: y') }
  const other = configOf((await compileLayout(await prepared(await inputOf(changed, lock)))).hosts)
  const times: Times = { compile: [], planAll: [], planOne: [] }
  for (let run = 0; run < runs; run++) {
    const startedAt = performance.now()
    const { hosts: sections } = await compileLayout(await inputOf(files, lock))
    configFaults({ hosts: sections })
    const compiledAt = performance.now()
    const config = configOf(sections)
    diffConfigs(configOf({}), config)
    const plannedAt = performance.now()
    diffConfigs(other, config)
    times.compile.push(compiledAt - startedAt)
    times.planAll.push(plannedAt - compiledAt)
    times.planOne.push(performance.now() - plannedAt)
  }
  return times
}

/**
 * Measures the reading, compiling and planning of 50 stacks of 20 on 100 hosts, and if that is
 * linear.
 */
export async function measureCompile(): Promise<readonly BenchLine[]> {
  const half = await timesOf({ hosts: 50, stacks: 25 })
  const whole = await timesOf({ hosts: 100, stacks: 50 })
  const both = ({ compile, planAll }: Times): readonly number[] => {
    return compile.map((time, index) => time + (planAll[index] ?? 0))
  }
  return [
    line('compile + plan 1,000 containers on 100 hosts', both(whole), 'ms', 'goal', [2_000]),
    line('  for each container', [median(both(whole)) / 1_000], 'ms', 'of half as many', [
      median(both(half)) / 500,
    ]),
    line('  of it the plan', whole.planAll, 'ms', 'compile', whole.compile),
    line('plan of one changed value', whole.planOne, 'ms', 'plan of everything', whole.planAll),
  ]
}
