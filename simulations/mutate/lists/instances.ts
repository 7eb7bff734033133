import type { Mutation } from '../mutation.ts'

const names = 'test/reconcilers/runc/names.test.ts'
const relations = 'test/reconcilers/runc/relations.test.ts'

const look = 'test/machine/containers/look.test.ts'
const leftovers = 'test/reconcilers/loop/leftovers.test.ts'
const bound = 'test/machine/containers/logs-bound.test.ts'
const orders = 'test/reconcilers/runc/orders.test.ts'
const ordered = 'test/machine/containers/orders.test.ts'

/** Faults in what keeps agents apart, what is told of leftovers, what bounds logs, and orders. */
export const instanceMutations: readonly Mutation[] = [
  {
    name: 'exit-read-first',
    breaks: 'A code that is written between two questions is none.',
    file: 'machine/containers/look/look.ts',
    find: `  const isSupervised = lives(life.supervisor)
  memory.exit ??= readExit(places, log, life)
`,
    replace: `  memory.exit ??= readExit(places, log, life)
  const isSupervised = lives(life.supervisor)
`,
    caughtBy: { test: look },
  },
  {
    name: 'kept-exit-read-again',
    breaks: 'An end that is kept for good is another one by another file of it.',
    file: 'machine/containers/look/look.ts',
    find: 'if (ran && ran.startedMs === life.startedMs) memory.exit ??= ran',
    replace: 'if (ran && ran.startedMs !== life.startedMs) memory.exit ??= ran',
    caughtBy: { test: look },
  },
  {
    name: 'started-before-it-is',
    breaks: 'A container counts as started while its process is still the runtime.',
    file: 'machine/containers/make/exec-fifo.ts',
    find: 'while (lives(name) && programOf(name.pid) === before &&',
    replace: 'while (lives(name) && programOf(name.pid) !== before &&',
    caughtBy: { test: 'test/machine/containers/start.test.ts' },
  },
  {
    name: 'name-of-lock-is-anybodys',
    breaks: 'Any user keeps the agent from starting.',
    file: 'machine/kernel/network-lock.ts',
    find: '    if (holders.length > 0 && !holders.some(mayChangeNetwork)) {',
    replace: '    if (holders.length < 0) {',
    caughtBy: { test: 'test/machine/network-lock.test.ts' },
  },
  {
    name: 'network-lock-not-asked',
    breaks: 'A second agent starts in the same network namespace.',
    file: 'machine/kernel/network-lock.ts',
    find: '    if (server !== null) return releasable(server)',
    replace: '    return releasable(server ?? createServer())',
    caughtBy: { test: 'test/machine/network-lock.test.ts' },
  },
  {
    name: 'namespace-without-mark',
    breaks: "An agent removes another one's namespaces.",
    file: 'reconcilers/container-network/names.ts',
    find: '  const prefix = `covey.${mark}.`',
    replace: "  const prefix = name.slice(0, 'covey.'.length + mark.length + 1)",
    caughtBy: { test: 'test/reconcilers/container-network/namespaces.test.ts' },
  },
  {
    name: 'leftovers-not-shown',
    breaks: 'What cannot be removed is in no status.',
    file: 'reconcilers/loop/round.ts',
    find: '    ...leftoverStates(progress.leftovers, failures),\n',
    replace: '',
    caughtBy: { test: leftovers },
  },
  {
    name: 'failure-said-again',
    breaks: 'The same failure is a warning at each attempt.',
    file: 'reconcilers/loop/round.ts',
    find: 'const say = isKnown ? init.log.debug : init.log.warn',
    replace: 'const say = isKnown ? init.log.warn : init.log.warn',
    caughtBy: { test: leftovers },
  },
  {
    name: 'removals-all-at-once',
    breaks: 'Removals that fail take all of a round.',
    file: 'reconcilers/loop/round.ts',
    find: '  if (progress.removalRetries >= removalRetriesMax) return true\n',
    replace: '',
    caughtBy: { test: leftovers },
  },
  {
    name: 'absent-is-in-sync',
    breaks: 'A container that is not there counts as in sync.',
    file: 'reconcilers/runc/judge.ts',
    find: "      return { state: 'pending', reason: `about to be created${rest}`, untilActed: true }",
    replace: '      return null',
    caughtBy: { test: leftovers },
  },
  {
    name: 'log-has-one-name',
    breaks: 'What a supervisor leaves behind is lost.',
    file: 'machine/containers/logs/rotate.ts',
    find: '  return await link(current.path, path).then(',
    replace: '  return await Promise.reject(new Error(path)).then(',
    caughtBy: { test: bound },
  },
  {
    name: 'supervisor-without-bound',
    breaks: 'A log has no end while no agent runs.',
    file: 'reconcilers/tools/conmon.ts',
    find: "'--log-size-max', String(init.logBytesMax)],",
    replace: "'--log-size-max', String(init.logBytesMax * 1000)],",
    caughtBy: { test: bound },
  },
  {
    name: 'host-names-leave-their-group',
    breaks: 'The host name of a member is found by everybody on its host.',
    file: 'reconcilers/runc/relations/hosts-text.ts',
    find: 'each.hostname === null || each.groups !== null',
    replace: 'each.hostname === null',
    caughtBy: { test: names },
  },
  {
    name: 'group-names-beside-others',
    breaks: 'A name in a group is another container as well.',
    file: 'reconcilers/runc/relations/hosts-text.ts',
    find: '...without(lines, [...extra, ...groups])',
    replace: '...lines',
    caughtBy: { test: names },
  },
  {
    name: 'nobody-waits',
    breaks: 'A new container starts before what it waits for.',
    file: 'reconcilers/runc/plan.ts',
    find: "isHeld && planned !== 'settled'",
    replace: "!isHeld && planned !== 'settled'",
    caughtBy: { test: relations },
  },
  {
    name: 'sharers-run-on',
    breaks: 'Who shares a network is not started again with who has it.',
    file: 'reconcilers/runc/plan.ts',
    find: '?? outrunBy(spec, wanted, observed)',
    replace: '?? null',
    caughtBy: { test: relations },
  },
  {
    name: 'secrets-with-any-name',
    breaks: 'A name of a variable in a secret is run by a shell.',
    file: 'reconcilers/runc/bundle/secrets/variables.ts',
    find: '  if (!/^[A-Za-z_][A-Za-z0-9_.-]*$/.test(name)) return',
    replace: '  if (name === "") return',
    caughtBy: { test: 'test/reconcilers/runc/variables.test.ts' },
  },
  {
    name: 'stopped-for-any-revision',
    breaks: 'What was stopped by hand stays stopped whatever is signed.',
    file: 'reconcilers/runc/orders/orders.ts',
    find: 'known?.order?.revision === revision ? known.order : null',
    replace: 'known?.order ?? null',
    caughtBy: { test: orders },
  },
  {
    name: 'order-ends-after-the-start',
    breaks: 'A one-shot that ends at once runs again and again for one order.',
    file: 'reconcilers/runc/orders/orders.ts',
    find: '[...steps.slice(0, first), endStep(object, order), ...steps.slice(first)]',
    replace: '[...steps, endStep(object, order)]',
    caughtBy: { test: orders },
  },
  {
    name: 'order-before-it-is-durable',
    breaks: 'An order is told that a power cut takes back.',
    file: 'machine/containers/orders/order-book.ts',
    find: '    this.writing = written.catch(() => undefined)\n    await written\n',
    replace: '    this.writing = written.catch(() => undefined)\n',
    caughtBy: { test: 'test/crash/orders.test.ts' },
  },
  {
    name: 'held-and-started',
    breaks: 'What is being saved is started in the middle of it.',
    file: 'agent/control/orders/give-order.ts',
    find: '  expectFree(object, known)\n',
    replace: '',
    caughtBy: { test: ordered },
  },
]
