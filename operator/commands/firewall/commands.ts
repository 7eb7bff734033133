import type { CommandDefinition } from '../definition.ts'

/** `covey firewall`: who may talk to whom, and why. */
export const firewallCommands: CommandDefinition = {
  name: 'firewall',
  summary: 'show who may talk to whom, and which object says so',
  examples: ['covey firewall show', 'covey firewall trace web db 5432/tcp'],
  subcommands: [
    {
      name: 'show',
      summary: 'list who may talk to whom on every host, from the config of a node',
      details:
        'A container accepts only the senders that an ingress or a publish names. It reaches\n' +
        'what its egress names, or without an egress what a forward or masquerade covers. Below\n' +
        'the table is what the node itself has refused since its table was made.',
      examples: ['covey firewall show', 'covey firewall show --host cloud01 --json'],
      options: [['--host <name>', 'only this host']],
      run: async (session, input) => (await import('./show.ts')).showFirewall(session, input),
    },
    {
      name: 'trace',
      parameters: '<from> <to> <port>',
      summary: 'say which object admits or drops a flow',
      details:
        'FROM and TO are a container (web, cloud01/web), a host (host:cloud01) or an address;\n' +
        'PORT is 80/tcp, 53/udp or icmp. The answer comes from the config alone; with --live\n' +
        "the table in the node's own kernel is asked too.",
      examples: [
        'covey firewall trace web db 5432/tcp',
        'covey firewall trace 192.0.2.7 host:cloud01 80/tcp --live',
      ],
      options: [['--live', 'also ask the kernel of the node']],
      run: async (session, input) => (await import('./trace.ts')).traceFirewall(session, input),
    },
  ],
}
