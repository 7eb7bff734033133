import type { Scenario } from './scenario.ts'
import { connectionsScenarios } from './scenarios/connections.ts'
import { hostsScenarios } from './scenarios/hosts.ts'
import { operatorsScenarios } from './scenarios/operators.ts'

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
