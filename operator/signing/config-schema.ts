import * as z from 'zod'
import { namePattern } from '../../protocol/names.ts'
import { knownTypes } from '../../reconcilers/lint.ts'

/**
 * JSON Schema (draft 2020-12) of a config before it is signed. Objects of types that this version
 * does not know are let through, as hosts do.
 */
export function configJsonSchema(): object {
  const types = Object.fromEntries(
    Object.entries(knownTypes).map(([type, schema]) => [
      type,
      { ...z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }), $schema: undefined },
    ]),
  )
  const refs = Object.keys(types).map((type) => ({ $ref: `#/$defs/${type}` }))
  const other = { properties: { type: { not: { enum: Object.keys(types) } } } }
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'covey config',
    type: 'object',
    required: ['hosts'],
    properties: {
      hosts: {
        type: 'object',
        propertyNames: { pattern: namePattern.source },
        additionalProperties: {
          type: 'object',
          propertyNames: { pattern: namePattern.source },
          additionalProperties: {
            type: 'object',
            required: ['type'],
            properties: { type: { type: 'string' } },
            anyOf: [...refs, other],
          },
        },
      },
      version: { type: 'integer', minimum: 1, maximum: 4_294_967_295 },
      allow_isolation: { type: 'array', items: { type: 'string' } },
    },
    $defs: types,
  }
}
