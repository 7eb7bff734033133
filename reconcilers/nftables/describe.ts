import { countElements } from './elements/table.ts'
import type { NftablesStep } from './plan.ts'

/** One line for a dry run or a log. */
export function describeNftables(step: NftablesStep): string {
  switch (step.kind) {
    case 'remove':
      return 'remove the firewall table'
    case 'replace':
      return `write the firewall table, ${countElements(step.elements)} elements: ${step.why}`
    case 'update': {
      const { added, removed } = step.change
      const sets = [...new Set([...added.keys(), ...removed.keys()])].sort().join(' ')
      return `firewall: ${countElements(added)} elements more, ${countElements(removed)} fewer (${sets})`
    }
  }
}
