import { stimulusText } from '../actors/stimulus-text.ts'
import { type RunResult, warmUpMs } from '../run.ts'
import { scenarioNamed } from '../scenarios/scenarios.ts'
import { type Series, sizesChart } from './sizes-chart.ts'
import { stimuliChart } from './stimuli-chart.ts'
import { pageStyle } from './style.ts'
import { countText, htmlText, short } from './svg.ts'
import type { Timed } from './tally.ts'
import { healedMs } from './time-axis.ts'
import { trafficChart } from './traffic-chart.ts'
import { convergenceChart, headColours, legend, stripsChart } from './versions-chart.ts'

/**
 * A page that needs no other file and no script: a table of all runs, and charts of those with
 * samples.
 */
export function reportPage(runs: readonly Timed[]): string {
  const names = [...new Set(runs.map(({ result }) => result.scenario))]
  const details = runs.filter(({ result }) => result.samples.length > 0)
  const broken = runs.filter(({ result }) => result.violation !== null).length
  const verdict =
    broken === 0
      ? `<p class="good">Every invariant held, in ${runs.length === 1 ? 'this run' : `all ${runs.length} runs`}.</p>`
      : `<p class="broken">An invariant was broken in ${broken} of ${runs.length} runs.</p>`
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>covey simulation: ${htmlText(names.join(', '))}</title>
<style>${pageStyle}</style></head><body>
<h1>covey, simulated</h1>
<p>The agent's own code, on simulated machines, disks, clocks and networks. In each run a cluster
starts, trouble is made for a while, then everything is mended, and all hosts must come to hold one
config. Everything follows from the scenario, the number of hosts and the seed.</p>
${verdict}${costTable(runs)}
${names.map((name) => sizesSection(runs, name)).join('')}
${details.map(runSection).join('')}
</body></html>
`
}

function costTable(runs: readonly Timed[]): string {
  const rows = runs.slice(0, 200).map(({ result, cpuMs }) => {
    const { scenario, hosts, seed, violation, agreedMs, spread, events } = result
    const end = violation === null ? 'held' : `invariant ${violation.invariant} broken`
    const cells = [
      scenario,
      hosts,
      seed,
      end,
      agreedMs === null ? 'never' : `${short(agreedMs / 1000)} s`,
      `${short(spread.ms / 1000)} s, ${spread.hops} hops`,
      countText(events),
      `${countText((events / Math.max(1, cpuMs)) * 1000)} /s`,
      `${short((cpuMs * 1000) / Math.max(1, events))} µs`,
    ]
    return `<tr>${cells.map((cell) => `<td>${htmlText(String(cell))}</td>`).join('')}</tr>`
  })
  const heads = [
    'scenario',
    'hosts',
    'seed',
    'invariants',
    'agreed after the faults',
    'last config spread in',
    'events',
    'events, processor time',
    'one event costs',
  ]
  const more = runs.length > 200 ? `<p class="quiet">The first 200 of ${runs.length} runs.</p>` : ''
  return `<div class="wide"><table><tr>${heads.map((head) => `<th>${head}</th>`).join('')}</tr>
${rows.join('\n')}</table></div>${more}`
}

/**
 * The section of figures that grow with the number of hosts, where a scenario was run with several.
 */
function sizesSection(runs: readonly Timed[], name: string): string {
  const own = runs.filter(({ result }) => result.scenario === name)
  const sizes = [...new Set(own.map(({ result }) => result.hosts))].sort((a, b) => a - b)
  if (sizes.length < 2) return ''
  const series = (
    title: string,
    unit: string,
    againstLog: boolean,
    of: (run: Timed) => number,
  ): Series => {
    const mean = (hosts: number): number => {
      const values = own.filter(({ result }) => result.hosts === hosts).map(of)
      return values.reduce((sum, value) => sum + value, 0) / values.length
    }
    return { title, unit, againstLog, points: sizes.map((hosts) => [hosts, mean(hosts)] as const) }
  }
  const all = [
    series('A new config reaches everyone', 'in hops', true, ({ result }) => result.spread.hops),
    series('A new config reaches everyone', 'in ms', true, ({ result }) => result.spread.ms),
    series('Peers that a host talks to', 'on average', true, ({ result }) => result.degree.mean),
    series(
      'A host says in the quiet minute at the end',
      'in messages',
      false,
      ({ result }) => result.quietMessages,
    ),
    series(
      'A host says in the quiet minute at the end',
      'in bytes',
      false,
      ({ result }) => result.quietBytes,
    ),
    series('One event costs', 'in µs', false, ({ result, cpuMs }) => (cpuMs * 1e3) / result.events),
  ]
  return `<section><h2>${htmlText(name)}: what grows with the number of hosts</h2>
${all.map(sizesChart).join('\n')}</section>`
}

function runSection({ result }: Timed): string {
  const { scenario, hosts, seed, violation } = result
  const colours = headColours(result)
  const broken =
    violation === null
      ? ''
      : `<p class="broken">Invariant ${violation.invariant} broken at ${short(violation.at / 1000)} s:
${htmlText(`${violation.host} ${violation.what}`)}</p>`
  return `<section><h2>${htmlText(scenario)}, ${hosts} hosts, seed ${seed}</h2>
<p class="lead">${htmlText(scenarioNamed(scenario)?.shows ?? '')}</p>${broken}${factsText(result)}
<h3>What was done to the cluster</h3>${stimuliChart(result)}
<h3>What each host holds</h3>${stripsChart(result, colours)}${legend(colours)}
<h3>Hosts by what they hold <span class="quiet">one colour is agreement</span></h3>
${convergenceChart(result, colours)}
<h3>Messages in a second <span class="quiet">of all hosts together</span></h3>
${trafficChart(result, 'messages')}
<h3>Bytes in a second <span class="quiet">of all hosts together</span></h3>
${trafficChart(result, 'bytes')}
${stimuliList(result)}${coverageList(result)}</section>
`
}

function factsText(result: RunResult): string {
  const { agreedMs, spread, degree, documents, hosts, quietMessages, quietBytes } = result
  const healed = short(healedMs(result) / 1000)
  const agreed =
    agreedMs === null
      ? 'The hosts never came to agree.'
      : `The faults ended at ${healed} s; ${short(agreedMs / 1000)} s later every host held one config and had applied it.`
  return `<p>${agreed} The last config took ${short(spread.ms / 1000)} s and ${spread.hops} hops from its
first host to its last. Each host talked to ${degree.mean} others on average, at most
${degree.most}. In all, ${countText(documents)} documents crossed the network,
${short(documents / hosts)} for each host. In the quiet minute at the end
a host sent ${countText(quietMessages)} messages and ${countText(quietBytes)} bytes.</p>`
}

function stimuliList({ stimuli }: RunResult): string {
  const most = 400
  const rows = stimuli.slice(0, most).map((stimulus, index) => {
    const at = short((warmUpMs + stimulus.at) / 1000)
    return `<tr><td>${index}</td><td>${at} s</td><td>${htmlText(stimulusText(stimulus))}</td></tr>`
  })
  const more = stimuli.length > most ? `<p class="quiet">The first ${most}.</p>` : ''
  return `<details><summary>All ${stimuli.length} things that were done, in words</summary>
<table><tr><th>number</th><th>at</th><th>what</th></tr>${rows.join('')}</table>${more}</details>`
}

function coverageList({ coverage }: RunResult): string {
  const rows = Object.entries(coverage).map(
    ([name, count]) => `<tr><td>${htmlText(name)}</td><td>${count}</td></tr>`,
  )
  return `<details><summary>What happened, counted</summary>
<table><tr><th>what</th><th>times</th></tr>${rows.join('')}</table></details>`
}
