import * as z from 'zod'
import { apiSchemas } from '../../../protocol/api/index.ts'

/** JSON Schema (draft 2020-12) of the agent's answers over its sockets, by subject. */
export function apiJsonSchema(): object {
  const shapes = Object.entries(apiSchemas).map(([name, schema]) => [
    name,
    { ...z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }), $schema: undefined },
  ])
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'covey sockets',
    $defs: Object.fromEntries(shapes),
  }
}
