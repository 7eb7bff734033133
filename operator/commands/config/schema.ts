import { Failure } from '../../terminal/failure.ts'
import { jsonText, type Session } from '../../terminal/session.ts'
import type { Input } from '../definition.ts'

/** `covey schema [config|layout]`. */
export async function printSchema(session: Session, input: Input): Promise<void> {
  const [of = 'config'] = input.args
  const schema = of === 'layout' || of === 'config' ? await schemaOf(of) : undefined
  if (schema === undefined) {
    throw new Failure(2, 'usage', `there is no schema of "${of}"`, {
      hint: 'covey schema config, or layout',
    })
  }
  session.io.out(jsonText(schema))
}

async function schemaOf(of: 'config' | 'layout'): Promise<object> {
  if (of === 'layout') return (await import('../../layout/layout.ts')).layoutJsonSchema()
  return (await import('../../signing/config-schema.ts')).configJsonSchema()
}
