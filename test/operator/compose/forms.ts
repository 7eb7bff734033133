import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { ComposeService } from '../../../operator/compose/project.ts'
import { readFolder, web } from './reading.ts'

/** Lines of a service, and what a look at it gives. */
export type Form = readonly [written: string, expected: unknown]

/** Lines of a service, and the faults after `compose.yaml:` that they have. */
export type FaultyForm = readonly [written: string, ...faults: string[]]

const rest = `  a: { image: x }
  b: { image: x }
networks: { n: , m: }
volumes: { v: , w: }
configs: { c: { content: hello } }
secrets: { s: { environment: S } }
`

/** A test for each form: it must have no faults. */
export function takesForms(
  forms: readonly Form[],
  look: (service: ComposeService) => unknown,
): void {
  for (const [written, expected] of forms) {
    it(`takes ${written}`, async () => {
      const files = { 'compose.yaml': web(written, rest), '.env': 'S=secret\n' }
      const { project, faults } = await readFolder(files)
      assert.deepEqual(faults, [])
      const service = project.services.get('web')
      assert.ok(service !== undefined)
      assert.deepEqual(look(service), expected)
    })
  }
}

/** A test for each form: it must have these faults and no others. */
export function refusesForms(forms: readonly FaultyForm[]): void {
  for (const [written, ...expected] of forms) {
    it(`has faults: ${written}`, async () => {
      const files = { 'compose.yaml': web(written, rest), '.env': 'S=secret\n' }
      const { faults } = await readFolder(files)
      assert.deepEqual(
        faults.map((fault) => fault.replace(/^compose\.yaml:/, '').replace(' services.web.', ' ')),
        expected,
      )
    })
  }
}
