import { hostName } from '../world/cluster.ts'
import type { Stimulus } from './stimulus.ts'

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}

function groupText(hosts: readonly number[]): string {
  const names = hosts.slice(0, 4).map(hostName).join(', ')
  return hosts.length <= 4 ? names : `${names} and ${hosts.length - 4} more`
}

function cutText({ from, to, bothWays }: Extract<Stimulus, { readonly kind: 'cut' }>): string {
  if (from.length === 0 || to.length === 0) return 'a cut that parts nobody'
  const way = bothWays ? 'cut off from' : 'cannot send to'
  return `${groupText(from)} ${way} ${groupText(to)}`
}

/** A stimulus in words, for people. */
export function stimulusText(stimulus: Stimulus): string {
  switch (stimulus.kind) {
    case 'cut':
      return cutText(stimulus)
    case 'heal':
      return 'all cuts healed'
    case 'end':
      return `${hostName(stimulus.host)} ${stimulus.how}, back after ${seconds(stimulus.downMs)}`
    case 'pause':
      return `${hostName(stimulus.host)} paused for ${seconds(stimulus.ms)}`
    case 'skew':
      return `clock of ${hostName(stimulus.host)} off by ${Math.round(stimulus.ms / 31_536_000_000)} years`
    case 'damage':
      return `file ${stimulus.file} of ${hostName(stimulus.host)} damaged`
    case 'snapshot':
      return `disk of ${hostName(stimulus.host)} put back ${seconds(stimulus.restoreMs)} later`
    case 'misbehave':
      return `${hostName(stimulus.host)} sends ${stimulus.how} to ${hostName(stimulus.to)}`
    case 'settle':
      return `root that settles the fork, through ${hostName(stimulus.through)}`
    case 'forge':
      return `config with stolen keys, through ${hostName(stimulus.through)}`
    case 'replay':
      return `old config again, through ${hostName(stimulus.through)}`
    default:
      return signedText(stimulus)
  }
}

function signedText(stimulus: Extract<Stimulus, { readonly by: number }>): string {
  const who = `operator ${stimulus.by + 1}`
  if (stimulus.kind === 'twice') {
    const [first, second] = stimulus.through
    return `${who} signs one version twice, through ${hostName(first)} and ${hostName(second)}`
  }
  const through = `through ${hostName(stimulus.through)}`
  switch (stimulus.kind) {
    case 'sign':
      return `${who} signs ${through}`
    case 'rotate':
      return `${who} rotates the root ${through}`
    case 'list':
      return `${who} ${stimulus.listed ? 'lists' : 'removes'} ${hostName(stimulus.host)} ${through}`
    case 'rekey':
      return `${who} gives ${hostName(stimulus.host)} a new tunnel key ${through}`
    case 'future':
      return `${who} signs what no agent of today knows ${through}`
  }
}
