import { describe } from 'node:test'
import type { ComposeService } from '../../../operator/compose/project.ts'
import { type FaultyForm, type Form, refusesForms, takesForms } from './forms.ts'

const ports: readonly Form[] = [
  ['ports: [80]', ['-:80']],
  ['ports: ["80"]', ['-:80']],
  ['ports: ["0:80", ":81", "127.0.0.1::82"]', ['-:80', '-:81', '127.0.0.1 -:82']],
  ['ports: ["80:8080"]', ['80:8080']],
  ['ports: [22:22]', ['22:22']],
  ['ports: ["53:53/udp", "53:53/tcp", "54:54/UDP"]', ['53:53/udp', '53:53', '54:54/udp']],
  ['ports: ["127.0.0.1:80:80"]', ['127.0.0.1 80:80']],
  [
    'ports: ["0.0.0.0:80:80", "[::]:80:80", "[::1]:81:81", "::1:82:82"]',
    ['0.0.0.0 80:80', ':: 80:80', '::1 81:81', '::1 82:82'],
  ],
  ['ports: [":443:443"]', ['443:443']],
  ['ports: ["8000-8002:80-82"]', ['8000:80', '8001:81', '8002:82']],
  ['ports: ["80-81"]', ['-:80', '-:81']],
  ['ports: ["80:80", "80:80"]', ['80:80']],
  ['ports: ["80:80", "80:80/tcp"]', ['80:80']],
  ['ports: [{ target: 80 }]', ['-:80']],
  [
    'ports: [{ target: "80", published: 8080, protocol: udp, host_ip: "::1", mode: host }]',
    ['::1 8080:80/udp'],
  ],
  ['ports: [{ target: 80, published: "" }]', ['-:80']],
  ['ports: [{ target: 80-81, published: "90-91" }]', ['90:80', '91:81']],
  ['ports: []', []],
  ['ports:', []],
]

const shape = 'is no port: write "8080:80", with ports from 1 to 65535'
const wrong: readonly FaultyForm[] = [
  ['ports: [x]', `4:13: ports.0: ${shape}: x`],
  ['ports: ["80:0"]', `4:13: ports.0: ${shape}: 80:0`],
  ['ports: ["80:65536"]', `4:13: ports.0: ${shape}: 80:65536`],
  ['ports: ["80:80/tcp/x"]', '4:13: ports.0: is no port: 80:80/tcp/x'],
  ['ports: ["82-80:82-80"]', `4:13: ports.0: ${shape}: 82-80:82-80`],
  [
    'ports: [80:80, "80-81:80-82"]',
    '4:20: ports.1: both ranges must have the same length: 80-81:80-82',
  ],
  [
    'ports: ["80-90:80"]',
    '4:13: ports.0: covey does not look for a free port of a range: name one: 80-90:80',
  ],
  [
    'ports: ["host:80:80"]',
    '4:13: ports.0: what stands before the ports must be an address, as 127.0.0.1 or [::1]: host:80:80',
  ],
  ['ports: ["80:80/sctp"]', '4:13: ports.0: covey publishes tcp and udp: 80:80/sctp'],
  ['ports: [{ published: 80 }]', '4:13: ports.0: has no "target", the port of the container'],
  ['ports: 80', '4:12: ports: must be a list'],
  ['ports: [[80]]', '4:13: ports.0: must be a port, and is a list'],
  [
    'ports: ["1-65535:1-65535"]',
    '4:13: ports.0: a service publishes at most 4096 ports: one with more uses the network of its host (network_mode: host)',
  ],
]

function portsOf({ ports: found }: ComposeService): readonly string[] {
  return found.map(({ hostAddress, hostPort, containerPort, protocol }) => {
    const address = hostAddress === '' ? '' : `${hostAddress} `
    const suffix = protocol === 'udp' ? '/udp' : ''
    return `${address}${hostPort ?? '-'}:${containerPort}${suffix}`
  })
}

const exposed: readonly Form[] = [
  ['expose: [80, "81", "53/udp"]', ['80/tcp', '81/tcp', '53/udp']],
  ['expose: ["80-82", 81]', ['80/tcp', '81/tcp', '82/tcp']],
]

describe('ports', () => {
  takesForms(ports, portsOf)
  refusesForms(wrong)
})

describe('expose', () => {
  takesForms(exposed, ({ expose }) => expose.map(({ port, protocol }) => `${port}/${protocol}`))
  refusesForms([
    ['expose: [x]', '4:14: expose.0: must be a port, as 8080 or 53/udp: x'],
    ['expose: ["80:80"]', '4:14: expose.0: must be a port, as 8080 or 53/udp: 80:80'],
  ])
})
