import { connectionsScenarios } from './connections.ts'
import { hostsScenarios } from './hosts.ts'
import { operatorsScenarios } from './operators.ts'
import type { Scenario } from './scenario.ts'

/** Every scenario, in the order of docs/SIMULATION.md. */
export const scenarios: readonly Scenario[] = [
  ...connectionsScenarios,
  ...operatorsScenarios,
  ...hostsScenarios,
]

/** The scenario of this name. */
export function scenarioNamed(name: string): Scenario | undefined {
  return scenarios.find((scenario) => scenario.name === name)
}
