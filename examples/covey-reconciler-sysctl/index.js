import { z } from 'zod'

/**
 * `sysctl { key, value }`: a kernel parameter. What it was before is remembered, and comes back
 * when the object leaves the config.
 */
const schema = z.strictObject({
  type: z.literal('sysctl'),
  // No empty parts and no leading dash: it becomes an argument of a tool that runs as root.
  key: z
    .string()
    .max(200)
    .regex(/^[a-z0-9_]+([./][a-zA-Z0-9_-]+)+$/, 'must be a parameter, as vm.swappiness'),
  value: z
    .string()
    .max(200)
    .regex(/^[\w.+-][\w .+-]*$/, 'must be words or numbers'),
})

/** What covey changed, and what it was: `{ [key]: value }`, below the agent's state folder. */
const memoryFile = 'sysctl.json'

function resolve(config, host) {
  const wanted = new Map()
  const faulty = []
  const kept = new Set()
  for (const [name, object] of Object.entries(config.hosts[host] ?? {})) {
    if (object?.type !== 'sysctl') continue
    const path = `hosts.${host}.${name}`
    const parsed = schema.safeParse(object)
    if (!parsed.success) {
      for (const issue of parsed.error.issues) {
        const at = [path, ...issue.path].join('.')
        faulty.push({
          object: name,
          fault: { code: 'field-invalid', message: issue.message, path: at },
        })
      }
      if (typeof object.key === 'string') kept.add(object.key)
      continue
    }
    const { key, value } = parsed.data
    const other = wanted.get(key)
    if (other !== undefined) {
      const message = `${other.object} sets ${key} already`
      faulty.push({ object: name, fault: { code: 'key-repeated', message, path: `${path}.key` } })
    } else wanted.set(key, { object: name, key, value })
  }
  return { spec: { wanted: [...wanted.values()], kept }, pending: [], faulty, references: {} }
}

async function readMemory(host) {
  const text = await host.files.read(memoryFile)
  return text === null ? {} : JSON.parse(text)
}

async function observe(spec, host, signal) {
  const memory = await readMemory(host)
  const keys = [...new Set([...spec.wanted.map(({ key }) => key), ...Object.keys(memory)])].sort()
  const values = new Map()
  for (const key of keys) {
    const result = await host.run({ tool: 'sysctl', args: ['-n', key] }, signal)
    if (result.exitCode === 0) values.set(key, result.stdout.trim().replace(/\s+/g, ' '))
  }
  return { values, memory }
}

function judge(spec, { values }) {
  return spec.wanted
    .filter(({ key }) => !values.has(key))
    .map(({ object, key }) => ({ object, state: 'failed', reason: `this kernel has no ${key}` }))
}

function plan(spec, { values, memory }) {
  const wanted = new Set(spec.wanted.map(({ key }) => key))
  const changes = spec.wanted
    .filter(({ key, value }) => values.has(key) && values.get(key) !== value)
    .map(({ object, key, value }) => {
      const before = memory[key] ?? values.get(key)
      return { objects: [object], key, value, before }
    })
  const left = Object.keys(memory)
    .filter((key) => !wanted.has(key) && !spec.kept.has(key))
    .map((key) => ({ objects: [], takesDown: true, key, value: memory[key], before: null }))
  return [...changes, ...left]
}

async function apply(step, host, signal) {
  const { [step.key]: _, ...others } = await readMemory(host)
  const remember = (memory) => host.files.write(memoryFile, `${JSON.stringify(memory)}\n`)
  // What it was is durable before it changes, and forgotten after it is back.
  if (step.before !== null) await remember({ ...others, [step.key]: step.before })
  const result = await host.run(
    { tool: 'sysctl', args: ['-w', `${step.key}=${step.value}`] },
    signal,
  )
  if (result.exitCode !== 0) throw new Error(`sysctl: ${result.stderr.trim()}`)
  if (step.before === null) await remember(others)
}

function describe({ key, value }) {
  return `set ${key} to ${value}`
}

/** Kernel parameters; docs/PLUGINS.md builds this step by step. */
export const reconciler = {
  name: 'sysctl',
  types: { sysctl: schema },
  resolve,
  observe,
  judge,
  plan,
  apply,
  describe,
}
