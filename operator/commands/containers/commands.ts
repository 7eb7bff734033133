import { hostOptions } from '../../all-hosts/host-options.ts'
import type { CommandDefinition } from '../definition.ts'

/** Options of what runs a command in a container. */
const processOptions: NonNullable<CommandDefinition['options']> = [
  ['-i, --interactive', 'pass stdin on'],
  ['-t, --tty', 'give it a terminal'],
  ['-T, --no-tty', 'give it none'],
  ['-u, --user <user>', 'user or user:group of the image, by name or number'],
  ['-w, --workdir <dir>', 'folder to run it in, an absolute path'],
  ['-e, --env <name=value>', 'set a variable; may be given several times', 'repeated'],
  ...hostOptions,
]

/** The commands for everyday work with containers. */
export const containerCommands: readonly CommandDefinition[] = [
  {
    name: 'ps',
    parameters: '[name...]',
    summary: 'show the containers of the host, or of all hosts',
    details:
      'STATE is running, created (not started yet), stopping, exited, stopped (by hand, or for\n' +
      'a backup), or waiting: the config lists it but nothing runs; covey status says why. EXIT\n' +
      'is its last exit code, RESTARTS how often it was restarted.\n' +
      'NAME is an object, a service (shop/web, or web), a replica (shop/web.2) or a stack.\n' +
      'In a folder whose layout has ssh addresses all hosts are asked.\n' +
      'With --json: [{"name","state","pid","image","restarts","exit_code","health",\n' +
      '"service","replica","order"}], with several hosts each with "host".',
    examples: ['covey ps', 'covey ps shop/web --host cloud01', 'covey ps --json'],
    options: hostOptions,
    run: async (session, input) => (await import('./ps.ts')).showContainers(session, input),
  },
  {
    name: 'logs',
    parameters: '<name...>',
    summary: 'show what a container has written',
    details:
      'NAME is an object or a service, as for covey ps; its log spans all of its containers.\n' +
      'Several logs are merged by time, each line behind its host and name. What was\n' +
      'written to stdout goes to stdout, what was written to stderr to stderr. With --follow\n' +
      'it continues until Ctrl-C, also when the container is restarted or replaced.\n' +
      'On a terminal, control characters other than colours are shown as ?.\n' +
      'With --json one document on each line: {"time","stream","text","partial"}; of several\n' +
      'logs each also has "host", "container" and "service".',
    examples: [
      'covey logs -f -n 100 web',
      'covey logs -f shop/web shop/db',
      'covey logs --since 10m --timestamps web',
      'covey logs --since 2026-01-31T12:00:00Z web 2>&1 | grep error',
    ],
    options: [
      ['-f, --follow', 'continue with new lines as they are written'],
      ['-n, --tail <lines>', 'only the last lines (default: all)'],
      ['--since <when>', 'only newer lines: an age such as 10m or 1h30m, or a time'],
      ['--timestamps', 'begin each line with its time'],
      ...hostOptions,
    ],
    run: async (session, input) => (await import('./logs.ts')).showLogs(session, input),
  },
  {
    name: 'exec',
    parameters: '<name> [command...]',
    summary: 'run a command in a container; root only',
    details:
      'If stdin and stdout are terminals, the command gets a terminal and the keys, unless -T\n' +
      'is given. Otherwise it gets neither unless -t and -i ask for them. The command has no\n' +
      'more privileges than the container.\n' +
      'The exit code is that of the command: 127 if there is no such command, 126 if it cannot\n' +
      'be run, 128 plus the number of the signal that ended it.\n' +
      'With a terminal, Ctrl-C is a key for the command. Without one, the first Ctrl-C sends it\n' +
      'SIGINT and the second ends it. A command also ends when this covey ends.',
    examples: [
      'covey exec web -- sh',
      'covey exec web -- cat /etc/os-release',
      'covey exec -i db -- psql < dump.sql',
      'covey exec -u nobody -w /tmp -e LANG=C web -- env',
    ],
    options: processOptions,
    run: async (session, input) => (await import('./exec.ts')).execCommand(session, input),
  },
  {
    name: 'run',
    parameters: '<name> [command...]',
    summary: 'run a command in a container of its own, like that of a service; root only',
    details:
      'The container has the image, variables, secrets, mounts, user and rights of the one that\n' +
      'the config lists, a writable layer of its own, and the network of that container: it\n' +
      'publishes no ports. It is removed when the command has ended, or when this covey ends.\n' +
      'COMMAND takes the place of the arguments, --entrypoint that of the program. Without\n' +
      'either it is what the container runs by itself.\n' +
      'Terminal, stdin, signals and exit code are as with covey exec.',
    examples: [
      'covey run --rm shop/web -- rails db:migrate',
      'covey run --entrypoint sh shop/web',
      'covey run -i -e MODE=check shop/worker -- --once < jobs.json',
    ],
    options: [
      ['--rm', 'for those who are used to it: it is always removed'],
      ['--entrypoint <program>', 'program in place of that of the container'],
      ...processOptions,
    ],
    run: async (session, input) => (await import('./exec.ts')).runCommand(session, input),
  },
  {
    name: 'why',
    parameters: '<service>',
    summary: 'say why a service does not run, or cannot be reached',
    details:
      'It walks the chain of each container of the service: layout, config, host, applied,\n' +
      'image, container, health, object, ports; with --from also tunnel and policy. The first\n' +
      'link that is broken has a hint, and the last lines of the log follow.\n' +
      'WHO is a service (shop/api), a host (host:pi) or an address. It is said which object\n' +
      'admits it, or which line would.\n' +
      'Exit code 1 if a link is broken. With --json: {"well","containers":[{"host","object",\n' +
      '"name","links":[{"link","state","text","hint"}],"log"}]}; STATE is ok, broken or unknown.',
    examples: ['covey why shop/web', 'covey why shop/db --from shop/web', 'covey why web --json'],
    options: [['--from <who>', 'say also whether this one may ask it'], ...hostOptions],
    run: async (session, input) => (await import('../why/why.ts')).explainService(session, input),
  },
  {
    name: 'cp',
    parameters: '<from> <to>',
    summary: 'copy files into a container or out of it; root only',
    details:
      'One side is SERVICE:PATH, the other a path of this machine, or - for a tar archive on\n' +
      'stdin or stdout. A path that begins with / or . is of this machine.\n' +
      'What goes into a folder that is there keeps its name; where nothing is there it gets\n' +
      'that name. FOLDER/. means the content of a folder, merged into one that is there.\n' +
      'In the container all of it belongs to root, here to you; -a keeps owners by number.\n' +
      'Links are copied as links. Devices, sockets and FIFOs are left out, and so are extended\n' +
      'attributes. Nothing has its name before all of it is there.\n' +
      'Of several containers of a service the first that runs is taken; --all copies into each.\n' +
      'With --json: {"files","folders","bytes","containers":[{"host","container"}]}.',
    examples: [
      'covey cp shop/web:/etc/nginx/nginx.conf .',
      'covey cp site/. shop/web:/usr/share/nginx/html',
      'covey cp shop/db:/var/lib/dump - | tar -t',
      'tar -c data | covey cp - shop/web.2:/srv',
    ],
    options: [
      ['-a, --archive', 'keep owners, by number'],
      ['-L, --follow-link', 'copy what a link leads to, where the path is one'],
      ['--all', 'into all containers with the name, one after the other'],
      ...hostOptions,
    ],
    run: async (session, input) => (await import('../copy/cp.ts')).copyFiles(session, input),
  },
  {
    name: 'events',
    summary: 'show what happens on the host, until Ctrl-C',
    details:
      'Configs, states, objects, peers, alarms, containers and images, as they happen; nothing\n' +
      'from before. Exit code 5 if the agent goes away.\n' +
      'With --json one document on each line, as GET /v1/events has it.',
    examples: ['covey events', 'covey events --json'],
    options: hostOptions,
    run: async (session, input) => (await import('../status/events.ts')).showEvents(session, input),
  },
]
