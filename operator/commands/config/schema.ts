import { Failure } from '../../terminal/failure.ts'
import { jsonText, type Session } from '../../terminal/session.ts'
import type { Input } from '../definition.ts'

/** `covey schema [config|layout|api]`. */
export async function printSchema(session: Session, input: Input): Promise<void> {
  const [of = 'config'] = input.args
  const schema = await schemaOf(of)
  if (schema === undefined) {
    throw new Failure(2, 'usage', `there is no schema of "${of}"`, {
      hint: 'covey schema config, layout or api',
    })
  }
  session.io.out(jsonText(schema))
}

async function schemaOf(of: string): Promise<object | undefined> {
  if (of === 'layout') return (await import('../../layout/layout-schema.ts')).layoutJsonSchema()
  if (of === 'config') return (await import('../../signing/config-schema.ts')).configJsonSchema()
  return of === 'api' ? (await import('./api-schema.ts')).apiJsonSchema() : undefined
}
