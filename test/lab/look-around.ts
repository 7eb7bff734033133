import type { Lab } from './lab.ts'

/** The hints for a person in front of a lab that goes on running. */
export function lookAround(lab: Lab): string {
  const names = [...lab.hosts.keys()]
  const [first = ''] = names
  const last = names.at(-1) ?? first
  const sockets = [...lab.hosts.values()].filter(({ isOn }) => isOn).map((each) => each.socketPath)
  return [
    `Lab ${lab.record.id} runs: ${names.join(', ')}. Look around:`,
    '',
    '  npm run lab -- status',
    `  npm run lab -- exec ${first} -- covey status`,
    `  npm run lab -- exec ${last} -- wg show`,
    `  npm run lab -- exec ${first} -- bash`,
    `  npm run lab -- cut ${first} ${last}     (and then: heal)`,
    '  npm run lab -- down',
    '',
    `The operator's folder is ${lab.operator.folder}, the keys for it are in`,
    `COVEY_KEY_DIR=${lab.operator.keyFolder}, and covey's --to may be one of`,
    ...sockets.map((path) => `  ${path}`),
  ].join('\n')
}
