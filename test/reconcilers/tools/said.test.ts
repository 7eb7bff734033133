import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { errorLine, errorText } from '../../../reconcilers/tools/said.ts'

const banner = `┌──────────────────────────────────────────────────────┐
│                                                      │
│   Running wireguard-go is not required because this  │
│   kernel has first class support for WireGuard. For  │
│         https://www.wireguard.com/install/           │
│                                                      │
└──────────────────────────────────────────────────────┘
`
const runc = (level: string, text: string): string =>
  `time="2026-11-30T16:28:47Z" level=${level} msg="${text}"\n`

/** Messages of tools that are made to fail (Debian 12), each with the reason in it. */
const cases: readonly (readonly [tool: string, said: string, reason: string])[] = [
  [
    'wireguard-go',
    `${banner}ERROR: (wg0) 2026/11/30 16:28:45 Failed to create TUN device: inappropriate ioctl for device\n`,
    'Failed to create TUN device: inappropriate ioctl for device',
  ],
  [
    'wireguard-go',
    `${banner}INFO: (wg0) 2026/11/30 16:28:45 Starting\nERROR: (wg0) 2026/11/30 16:28:45 UAPI listen error: address in use\n`,
    'UAPI listen error: address in use',
  ],
  [
    'wireguard-go',
    `${banner}panic: runtime error: x\n\ngoroutine 1 [running]:\n`,
    'runtime error: x',
  ],
  ['wireguard-go', banner, 'it said nothing'],
  [
    'wg',
    'Unable to access interface: Protocol not supported\n',
    'Unable to access interface: Protocol not supported',
  ],
  [
    'wg',
    "Key is not the correct length or format: `x'\nConfiguration parsing error\n",
    "Key is not the correct length or format: `x'",
  ],
  ['wg', 'Configuration parsing error\n', 'Configuration parsing error'],
  [
    'wg',
    "Warning: `/run/c' is world accessible\nName or service not known: `b.example:1'\n",
    "Name or service not known: `b.example:1'",
  ],
  ['ip', 'Error: Unknown device type.\n', 'Unknown device type.'],
  ['ip', 'Cannot find device "x"\nCommand failed /run/b:1\n', 'Cannot find device "x"'],
  ['ip', 'RTNETLINK answers: File exists\n', 'RTNETLINK answers: File exists'],
  ['ip', 'Error: Nexthop has invalid gateway.\n', 'Nexthop has invalid gateway.'],
  [
    'ip',
    'Cannot open network namespace "nope": No such file or directory\n',
    'Cannot open network namespace "nope": No such file or directory',
  ],
  [
    'nft',
    '/run/covey/.0a.tmp:2:39-46: Error: unknown chain hook\nadd chain inet x y { type filter hook nonsense priority 0; }\n                                      ^^^^^^^^\n',
    'unknown chain hook',
  ],
  [
    'nft',
    'Error: No such file or directory\nlist table inet nope\n                ^^^^\n',
    'No such file or directory',
  ],
  [
    'nft',
    'internal:0:0-0: Error: Could not open file "/nonexist": No such file or directory\n\n\n',
    'Could not open file "/nonexist": No such file or directory',
  ],
  [
    'nft',
    '# Warning: table ip filter is managed by iptables-nft, do not touch!\nError: Could not process rule: Operation not permitted\n',
    'Could not process rule: Operation not permitted',
  ],
  [
    'sysctl',
    'sysctl: setting key "net.ipv4.ip_forward": Invalid argument\n',
    'setting key "net.ipv4.ip_forward": Invalid argument',
  ],
  [
    'ss',
    "ss: unrecognized option '--foo'\nUsage: ss [ OPTIONS ]\n   -h, --help          this message\n",
    "unrecognized option '--foo'",
  ],
  ['runc', runc('error', 'container does not exist'), 'container does not exist'],
  [
    'runc',
    runc('warning', 'unable to get oom kill count') +
      runc('error', 'runc create failed: exec: \\"sh\\": not found in $PATH\\nhelp'),
    'runc create failed: exec: "sh": not found in $PATH help',
  ],
  [
    'runc',
    '{"level":"warning","msg":"x"}\n{"level":"error","msg":"a \\"b\\"","time":""}\n',
    'a "b"',
  ],
  [
    'runc',
    'Incorrect Usage. flag provided but not defined: -nope\n\nNAME:\n   runc - Open Container\n',
    'Incorrect Usage. flag provided but not defined: -nope',
  ],
  [
    'conmon',
    'conmon: Container ID not provided. Use --cid\n',
    'Container ID not provided. Use --cid',
  ],
  [
    'conmon',
    '[conmon:e]: Failed to open log file No such file or directory\n',
    'Failed to open log file No such file or directory',
  ],
  ['conmon', '[conmon:e] Container UUID not provided\n', 'Container UUID not provided'],
  ['conmon', '[conmon:i]: hello\n[conmon:w]: look\n[conmon:e]: bad\n', 'bad'],
  [
    'mount',
    'mount: /mnt: special device overlay does not exist.\n       dmesg(1) may have more information after failed mount system call.\n',
    '/mnt: special device overlay does not exist.',
  ],
  ['umount', 'umount: /proc/1: not mounted.\n', '/proc/1: not mounted.'],
  [
    'tar',
    'tar: /nonexist: Cannot open: No such file or directory\ntar: Error is not recoverable: exiting now\n',
    '/nonexist: Cannot open: No such file or directory',
  ],
  [
    'tar',
    'tar: This does not look like a tar archive\ntar: Exiting with failure status due to previous errors\n',
    'This does not look like a tar archive',
  ],
  [
    'tar',
    '\ngzip: stdin: not in gzip format\ntar: Child returned status 1\ntar: Error is not recoverable: exiting now\n',
    'gzip: stdin: not in gzip format',
  ],
  [
    'systemd-run',
    "System has not been booted with systemd as init system (PID 1). Can't operate.\nFailed to connect to bus: Host is down\n",
    "System has not been booted with systemd as init system (PID 1). Can't operate.",
  ],
  [
    'unshare',
    "unshare: unrecognized option '--nope'\nTry 'unshare --help' for more information.\n",
    "unrecognized option '--nope'",
  ],
  [
    'pivot_root',
    "pivot_root: failed to change root from `/' to `/': Device or resource busy\n",
    "failed to change root from `/' to `/': Device or resource busy",
  ],
  ['sh', 'sh: 1: nope: not found\n', '1: nope: not found'],
  ['ip', '', 'it said nothing'],
  ['ip', ' \n\r\n----\n ^^^\n', 'it said nothing'],
  ['ip', 'Warning: it is late\n', 'Warning: it is late'],
  ['ip', '\x1b[31mError: \x1b[0mred\x07\n', 'red'],
]

describe('the reason in what a tool has said', () => {
  for (const [tool, said, reason] of cases) {
    it(`${tool}: ${reason}`, () => {
      assert.equal(errorLine(said, tool), reason)
      assert.equal(errorLine(said.replaceAll('\n', '\r\n'), tool), reason)
    })
  }

  it('is one line, printable, bounded and not empty, whatever was said', () => {
    const line = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.constantFrom(banner))
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const said = lines.join('\n')
        const reason = errorLine(said)
        assert.notEqual(reason, '')
        assert.ok(reason.length <= 200)
        assert.doesNotMatch(reason, /[\p{C}\n]/u)
        assert.equal(errorLine(`${said}\nError: it`) === 'it said nothing', false)
        if (errorText(said) !== '') assert.notEqual(reason, 'it said nothing')
      }),
    )
  })
})
