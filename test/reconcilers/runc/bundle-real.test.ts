import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type RunInit, runContainer } from './run-bundle.ts'

/** The output of a shell script in a container, by line; it must end well. */
function linesOf(script: string, object: object = {}, init: Partial<RunInit> = {}) {
  const ran = runContainer({ ...init, object: { command: ['/bin/sh', '-c', script], ...object } })
  assert.equal(ran.exitCode, 0, `${ran.stderr}${ran.stdout}`)
  return ran.stdout.trimEnd().split('\n')
}

const perl = '/usr/bin/perl'

/** Error numbers of system calls by their numbers and arguments; 0 for one that succeeds. */
function errnosOf(calls: readonly (readonly number[])[], object: object = {}): readonly number[] {
  const code = calls
    .map((call) => `$! = 0; syscall(${call.join()}); print $! + 0, "\\n";`)
    .join(' ')
  const ran = runContainer({ object: { command: [perl, '-e', code], ...object } })
  assert.equal(ran.exitCode, 0, ran.stderr)
  return ran.stdout.trimEnd().split('\n').map(Number)
}

describe('a container by the real runtime', () => {
  it('is named, limited and protected', () => {
    const script = [
      'hostname; cat /etc/hostname; grep db /etc/hosts; cat /etc/resolv.conf',
      'echo "$HOME $PATH"; ulimit -n; ulimit -c',
      "awk '/^(CapEff|NoNewPrivs|Seccomp):/ { print $2 }' /proc/self/status",
      'cat /proc/self/oom_score_adj; ls -A /proc/acpi /sys/firmware | wc -l',
      'echo x > /proc/sys/kernel/hostname || echo refused',
      'echo x > /etc/hosts || echo refused',
    ].join('\n')
    assert.deepEqual(linesOf(`${script}\nexit 0`, { resources: { pids: 50 } }), [
      ...['web', 'web', '192.0.2.7 db', 'nameserver 192.0.2.53'],
      '/root /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      ...['4096', '0', '00000000000004eb', '1', '2', '100'],
      ...['3', 'refused', 'refused'],
    ])
  })

  it('writes where it may, and nowhere else', () => {
    const object = {
      user: '1000:1000',
      read_only_root: true,
      mounts: [
        { volume: 'v', path: '/mnt/v', read_only: true },
        { host_path: '/srv/shared', path: '/mnt/shared' },
        { host_path: '/srv/shared', path: '/mnt/fixed', read_only: true },
      ],
      tmpfs: ['/mnt/memory'],
      files: [{ path: '/mnt/app.conf', content: 'own', mode: '0400' }],
      secrets: [{ secret: 's', path: '/mnt/key' }],
    }
    const image = { volumes: ['/mnt/cache'] }
    const places = [
      '/mnt/memory',
      '/mnt/cache',
      '/mnt/shared',
      '/mnt/fixed',
      '/mnt/v',
      '/mnt',
      '/tmp',
    ]
    const script = [
      ...places.map((place) => `{ echo x > ${place}/x; } 2>/dev/null && echo ${place}`),
      'cat /mnt/app.conf /mnt/key',
      "stat -c ' %a %u:%g' /mnt/key",
      'exit 0',
    ].join('\n')
    const found = linesOf(script, object, { image, secrets: { s: 'hidden' }, folders: ['shared'] })
    // The shared folder is root's, and the machine's /tmp belongs to the image here.
    assert.deepEqual(found, ['/mnt/memory', '/mnt/cache', 'ownhidden 400 1000:1000'])
  })

  it('has a folder of files alone, which nobody writes to', () => {
    const object = {
      tmpfs: [{ path: '/etc/cron.d', mode: '0750', only_files: true }],
      files: [
        { path: '/etc/cron.d/own', content: 'own\n' },
        { path: '/etc/cron.d/below/script', content: '#!/bin/sh\necho ran\n', mode: '0755' },
      ],
    }
    const script =
      'cd /etc/cron.d; find . | sort; cat own; below/script; { echo x > new; } 2>/dev/null || echo fixed'
    assert.deepEqual(linesOf(script, object), [
      ...['.', './below', './below/script', './own', 'own', 'ran', 'fixed'],
    ])
  })

  it('has low ports and the loopback for any user', () => {
    const code =
      'use Socket; socket(S, PF_INET, SOCK_STREAM, 0) or die; ' +
      'bind(S, sockaddr_in(80, INADDR_LOOPBACK)) or die "bind: $!"; listen(S, 1) or die; ' +
      'socket(C, PF_INET, SOCK_STREAM, 0); connect(C, sockaddr_in(80, INADDR_LOOPBACK)) or die; ' +
      'print "$< $( connected\n"'
    const ran = runContainer({ object: { user: 'web', command: [perl, '-e', code] } })
    assert.equal(ran.stdout, '33 34 6 50 connected\n', ran.stderr)
  })

  it('says which program it has not', () => {
    const ran = runContainer({ object: { command: ['no-such-program'] } })
    assert.notEqual(ran.exitCode, 0)
    assert.match(ran.stderr, /no-such-program\\?": executable file not found in \$PATH/)
  })
})

describe('secrets in an environment', () => {
  const secrets = { s: 'a\'b "c" $d `e`\n\né\n' }
  const code = 'print join("\\n", map { "$_=$ENV{$_}" } sort keys %ENV), "|$0|@ARGV|"'

  it('come to the byte, beside everything else, and nothing more', () => {
    const object = {
      user: 'web',
      env: { PATH: '/nowhere::/usr/bin', 'a.b': "it's", PWD: '/kept' },
      command: ['perl', '-e', code, 'one', '', 'two  words'],
      secrets: [{ secret: 's', env: 'TOKEN' }],
    }
    const ran = runContainer({ object, secrets })
    assert.equal(ran.exitCode, 0, ran.stderr)
    const expected = [
      ...['HOME=/var/www', 'HOSTNAME=web', 'PATH=/nowhere::/usr/bin', 'PWD=/kept', 'TERM=xterm'],
      ...[`TOKEN=${secrets.s}`, "a.b=it's"],
    ]
    assert.equal(ran.stdout, `${expected.join('\n')}|-e|one  two  words|`)
  })

  it('stand in nobody’s arguments, and end with the program’s own code', () => {
    const script = 'cat /proc/1/cmdline | tr "\\0" " "; exit 7'
    const object = { command: ['/bin/sh', '-c', script], secrets: [{ secret: 's', env: 'TOKEN' }] }
    const ran = runContainer({ object, secrets: { s: 'hunter2' } })
    assert.equal(ran.exitCode, 7)
    assert.equal(ran.stdout, `/bin/sh -c ${script} `)
  })

  it('are many at once, by names that no shell could set too', () => {
    const values = { A: "it's", B: '', 'x.y-z': 'a "b" $c `d` \\ \n', IFS: ' ', covey_text: '\n' }
    const code =
      'print join("\\n", map("$_=[$ENV{$_}]", sort keys %ENV)), "|", join("|", @ARGV), "|"'
    const object = {
      env: { 'a.b': '1', B: 'of the object' },
      command: ['perl', '-e', code, 'two  words'],
      secrets: [
        { secret: 't', env: 'A' },
        { secret: 's', env_all: true },
      ],
    }
    const ran = runContainer({ object, secrets: { s: JSON.stringify(values), t: 'before' } })
    assert.equal(ran.exitCode, 0, ran.stderr)
    for (const [name, value] of Object.entries(values)) {
      assert.ok(`\n${ran.stdout}`.includes(`\n${name}=[${value}]`), `${name} in ${ran.stdout}`)
    }
    assert.match(ran.stdout, /\na\.b=\[1\]\n.*\|two {2}words\|$/s)
  })

  it('come also by names that the shell has for itself', () => {
    const names = ['PWD', 'IFS', 'OLDPWD', 'LINENO', 'PS4']
    const hard = '$(id) "a" \'b\' `c` \\ /:\n'
    const own = {
      command: ['perl', '-e', 'print join("|", map { "$_=$ENV{$_}" } @ARGV)', ...names],
      secrets: names.map((env) => ({ secret: 's', env })),
    }
    const ran = runContainer({ object: own, secrets: { s: hard } })
    assert.equal(ran.stdout, names.map((name) => `${name}=${hard}`).join('|'), ran.stderr)
  })

  it('leave a missing program to be told by name', () => {
    const object = { command: ['no-such-program'], secrets: [{ secret: 's', env: 'TOKEN' }] }
    const ran = runContainer({ object, secrets })
    assert.equal(ran.exitCode, 127)
    assert.match(ran.stderr, /covey: no-such-program is not in any folder of PATH/)
  })
})

describe('secrets as words of commands', () => {
  const hard = 'a\'b "c" $d `e` \\ \n*\n'
  const words = { 'command.1': '-e', 'args.0': hard, 'args.11': 'last', 'health.2': hard }
  const code = 'print join("|", @ARGV), "|", join(" ", grep /covey|word/, keys %ENV), "|"'
  const object = {
    env: { 'a.b': '1', covey_word_args_0: 'exported' },
    command: ['perl', '(sealed)', code],
    args: ['(sealed)', ...'abcdefghij'.split(''), '(sealed)', '', '$(two  words)'],
    health: { command: ['printf', '[%s]', '(sealed)', '$(x)'] },
    secrets: [{ secret: 's', words: Object.keys(words) }],
  }
  const secrets = { s: JSON.stringify(words) }

  it('come to the byte, in their places, and are in no environment', () => {
    const ran = runContainer({ object, secrets })
    assert.equal(ran.exitCode, 0, ran.stderr)
    assert.equal(ran.stdout, `${hard}|a|b|c|d|e|f|g|h|i|j|last||$(two  words)||`)
  })

  it('come after the entrypoint of the image, and with an init before all', () => {
    const { command: _none, ...rest } = object
    const own = { ...rest, init: true, secrets: [{ secret: 's', words: ['args.0'] }] }
    const image = { entrypoint: ['perl', '-e', code] }
    const ran = runContainer({ object: own, image, secrets: { s: '{"args.0": "hidden"}' } })
    assert.equal(ran.exitCode, 0, ran.stderr)
    assert.ok(ran.stdout.startsWith('hidden|a|b|'), ran.stdout)
  })

  it('are not told where one names a program that is not there', () => {
    const own = { args: ['(sealed)'], secrets: [{ secret: 's', words: ['args.0'] }] }
    for (const name of ['hunter2', '/bin/hunter2', '/hunter2/', 'true']) {
      const sealed = { s: JSON.stringify({ 'args.0': name }) }
      const ran = runContainer({ object: own, image: { entrypoint: [] }, secrets: sealed })
      const said = 'covey: the program, whose name is a secret, is not there\n'
      assert.deepEqual([ran.exitCode, ran.stderr], name === 'true' ? [0, ''] : [127, said], name)
    }
  })

  it('and all variables are there for a check too', () => {
    const ran = runContainer({ object, secrets, isCheck: true })
    assert.equal(ran.stdout, `[${hard}][$(x)]`)
    const asked = { ...object, health: { command: ['sh', '-c', 'echo $TOKEN'] } }
    const own = { ...asked, secrets: [{ secret: 's', env_all: true }] }
    const found = runContainer({ object: own, secrets: { s: '{"TOKEN": "t"}' }, isCheck: true })
    assert.equal(found.stdout, 't\n')
  })
})

describe('system calls', () => {
  const notPermitted = 1
  const notImplemented = 38
  /** Numbers of x86-64 and arm64 (asm/unistd.h). */
  const numbers = (name: string): number => {
    const table: Readonly<Record<string, readonly [x64: number, arm64: number]>> = {
      ...{ add_key: [248, 217], bpf: [321, 280], clone3: [435, 435], getpid: [39, 172] },
      ...{ io_uring_setup: [425, 425], keyctl: [250, 219], kexec_load: [246, 104] },
      ...{ perf_event_open: [298, 241], personality: [135, 92], setns: [308, 268] },
      ...{ socket: [41, 198], unshare: [272, 97], userfaultfd: [323, 282], unheard_of: [900, 900] },
    }
    return table[name]?.[process.arch === 'arm64' ? 1 : 0] ?? 0
  }
  const call = (name: string, ...args: readonly number[]) => [numbers(name), ...args]
  const newUser = 0x10000000

  it('are refused that reach the host’s kernel', () => {
    const calls = [
      ...['add_key', 'bpf', 'io_uring_setup', 'keyctl', 'kexec_load', 'perf_event_open', 'setns'],
      'userfaultfd',
    ].map((name) => call(name, 0, 0, 0, 0, 0))
    const more = [call('unshare', newUser), call('personality', 0x40000), call('socket', 40, 1, 0)]
    const errnos = errnosOf([...calls, ...more, call('socket', 38, 5, 0)])
    assert.deepEqual(
      errnos,
      errnos.map(() => notPermitted),
    )
  })

  it('are said not to exist where programs know another way', () => {
    const errnos = errnosOf([call('clone3', 0, 0), call('unheard_of')])
    assert.deepEqual(errnos, [notImplemented, notImplemented])
  })

  it('are there for programs', () => {
    const errnos = errnosOf([
      call('getpid'),
      call('socket', 2, 1, 0),
      call('personality', 0xffffffff),
    ])
    assert.deepEqual(errnos, [0, 0, 0])
    const script = [
      'set -e',
      'i=0; while [ $i -lt 3 ]; do (echo $i) | sort | gzip | gunzip & i=$((i + 1)); done; wait',
      'dir=$(mktemp -d); cp -a /etc/passwd "$dir"; tar -cf - "$dir" 2>/dev/null | tar -tf - >/dev/null',
      'ln "$dir/passwd" "$dir/x"; flock "$dir/x" true; chown 5:5 "$dir/x"; timeout 5 true',
      'echo done',
    ].join('\n')
    assert.deepEqual([...linesOf(script)].sort(), ['0', '1', '2', 'done'])
  })

  it('come with the capabilities that an object adds by name', () => {
    const script = 'mount -t tmpfs tmpfs /mnt && echo mounted; unshare -m true && echo unshared'
    const added = { capabilities: { add: ['SYS_ADMIN'] } }
    assert.deepEqual(linesOf(script, added), ['mounted', 'unshared'])
    const without = linesOf(`(${script}) 2>/dev/null || echo refused`)
    assert.deepEqual(without, ['refused'])
  })
})
