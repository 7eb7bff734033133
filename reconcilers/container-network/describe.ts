import type { ContainerNetworkStep } from './plan.ts'

/** One line on a step. */
export function describeContainerNetwork(step: ContainerNetworkStep): string {
  switch (step.kind) {
    case 'forward':
      return step.settings.map(({ name, value }) => `${name} = ${value}`).join('; ')
    case 'host':
      return step.lines.map((line) => line.words.join(' ')).join('; ')
    case 'attach': {
      const made = step.attachments.filter(({ make }) => make.length > 0).length
      const parts = [
        ...(made > 0 ? [`make links to ${made} containers`] : []),
        ...(made < step.objects.length ? [`mend ${step.objects.length - made}`] : []),
      ]
      return `${parts.join(', ')}: ${step.objects.join(', ')}`
    }
  }
}
