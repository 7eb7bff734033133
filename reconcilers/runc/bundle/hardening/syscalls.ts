/**
 * System calls that every container may make, by purpose. A call that is neither here nor in
 * `privilegedCalls` for a capability of the container fails with EPERM;
 * docs/decisions/0022-own-seccomp-profile.md gives the reason for each kind. Names are of both
 * architectures that covey runs on; runc skips those that the machine does not have.
 */
export const ordinaryCalls: readonly string[] = [
  // Open files: reading, writing, waiting for them, copying between them.
  ...['read', 'write', 'readv', 'writev', 'pread64', 'pwrite64', 'preadv', 'pwritev', 'preadv2'],
  ...[
    'pwritev2',
    'close',
    'close_range',
    'lseek',
    'dup',
    'dup2',
    'dup3',
    'fcntl',
    'flock',
    'ioctl',
  ],
  ...['pipe', 'pipe2', 'poll', 'ppoll', 'select', 'pselect6', 'epoll_create', 'epoll_create1'],
  ...['epoll_ctl', 'epoll_wait', 'epoll_pwait', 'epoll_pwait2', 'eventfd', 'eventfd2', 'signalfd'],
  ...['signalfd4', 'sendfile', 'splice', 'tee', 'vmsplice', 'copy_file_range', 'readahead'],
  ...['fadvise64', 'fallocate', 'truncate', 'ftruncate', 'fsync', 'fdatasync', 'sync', 'syncfs'],
  ...['sync_file_range', 'sync_file_range2', 'cachestat', 'memfd_create', 'memfd_secret'],
  ...['io_setup', 'io_destroy', 'io_submit', 'io_cancel', 'io_getevents', 'io_pgetevents'],
  // Names in file systems.
  ...['open', 'openat', 'openat2', 'creat', 'mknod', 'mknodat', 'mkdir', 'mkdirat', 'rmdir'],
  ...['unlink', 'unlinkat', 'link', 'linkat', 'symlink', 'symlinkat', 'readlink', 'readlinkat'],
  ...['rename', 'renameat', 'renameat2', 'chdir', 'fchdir', 'getcwd', 'getdents', 'getdents64'],
  ...['stat', 'lstat', 'fstat', 'newfstatat', 'statx', 'statfs', 'fstatfs', 'access', 'faccessat'],
  ...['faccessat2', 'chmod', 'fchmod', 'fchmodat', 'fchmodat2', 'chown', 'fchown', 'lchown'],
  ...['fchownat', 'utime', 'utimes', 'futimesat', 'utimensat', 'umask', 'name_to_handle_at'],
  ...['setxattr', 'lsetxattr', 'fsetxattr', 'getxattr', 'lgetxattr', 'fgetxattr', 'listxattr'],
  ...['llistxattr', 'flistxattr', 'removexattr', 'lremovexattr', 'fremovexattr', 'setxattrat'],
  ...['getxattrat', 'listxattrat', 'removexattrat', 'file_getattr', 'file_setattr'],
  ...['inotify_init', 'inotify_init1', 'inotify_add_watch', 'inotify_rm_watch', 'fanotify_mark'],
  // Memory.
  ...['brk', 'mmap', 'munmap', 'mremap', 'mprotect', 'madvise', 'msync', 'mincore', 'mlock'],
  ...['mlock2', 'munlock', 'mlockall', 'munlockall', 'membarrier', 'mseal', 'remap_file_pages'],
  ...['pkey_alloc', 'pkey_free', 'pkey_mprotect', 'map_shadow_stack', 'process_mrelease'],
  // Processes and threads. `clone`, `clone3` and `personality` have rules of their own.
  ...['fork', 'vfork', 'execve', 'execveat', 'exit', 'exit_group', 'wait4', 'waitid', 'getpid'],
  ...['getppid', 'gettid', 'set_tid_address', 'getpgid', 'setpgid', 'getpgrp', 'getsid', 'setsid'],
  ...[
    'prctl',
    'arch_prctl',
    'getrlimit',
    'setrlimit',
    'prlimit64',
    'getrusage',
    'times',
    'sysinfo',
  ],
  ...['uname', 'getcpu', 'getpriority', 'setpriority', 'ioprio_get', 'ioprio_set', 'sched_yield'],
  ...['sched_getaffinity', 'sched_setaffinity', 'sched_getattr', 'sched_setattr'],
  ...['sched_getparam', 'sched_setparam', 'sched_getscheduler', 'sched_setscheduler'],
  ...['sched_get_priority_max', 'sched_get_priority_min', 'sched_rr_get_interval', 'rseq', 'futex'],
  ...['futex_waitv', 'futex_wake', 'futex_wait', 'futex_requeue', 'set_robust_list'],
  ...['get_robust_list', 'set_thread_area', 'get_thread_area', 'pidfd_open', 'pidfd_send_signal'],
  ...['ptrace', 'process_vm_readv', 'process_vm_writev', 'restart_syscall', 'capget', 'capset'],
  ...['seccomp', 'landlock_create_ruleset', 'landlock_add_rule', 'landlock_restrict_self'],
  ...['lsm_get_self_attr', 'lsm_set_self_attr', 'lsm_list_modules', 'getrandom'],
  // Users and groups.
  ...['getuid', 'geteuid', 'getgid', 'getegid', 'getresuid', 'getresgid', 'getgroups', 'setuid'],
  ...['setgid', 'setreuid', 'setregid', 'setresuid', 'setresgid', 'setgroups', 'setfsuid'],
  'setfsgid',
  // Signals.
  ...['kill', 'tkill', 'tgkill', 'pause', 'alarm', 'sigaltstack', 'rt_sigaction', 'rt_sigpending'],
  ...['rt_sigprocmask', 'rt_sigqueueinfo', 'rt_sigreturn', 'rt_sigsuspend', 'rt_sigtimedwait'],
  'rt_tgsigqueueinfo',
  // Time. Setting the clock is for SYS_TIME; adjtimex and clock_adjtime also read it.
  ...['time', 'gettimeofday', 'clock_gettime', 'clock_getres', 'clock_nanosleep', 'nanosleep'],
  ...['getitimer', 'setitimer', 'timer_create', 'timer_delete', 'timer_gettime', 'timer_settime'],
  ...['timer_getoverrun', 'timerfd_create', 'timerfd_gettime', 'timerfd_settime', 'adjtimex'],
  'clock_adjtime',
  // Sockets. `socket` and `socketpair` have rules of their own.
  ...['bind', 'listen', 'accept', 'accept4', 'connect', 'shutdown', 'getsockname', 'getpeername'],
  ...['getsockopt', 'setsockopt', 'sendto', 'recvfrom', 'sendmsg', 'recvmsg', 'sendmmsg'],
  'recvmmsg',
  // System V and POSIX messages, semaphores and shared memory: a namespace of the container's own.
  ...['msgget', 'msgsnd', 'msgrcv', 'msgctl', 'semget', 'semop', 'semtimedop', 'semctl', 'shmget'],
  ...['shmat', 'shmdt', 'shmctl', 'mq_open', 'mq_unlink', 'mq_timedsend', 'mq_timedreceive'],
  ...['mq_notify', 'mq_getsetattr'],
]

/** Calls allowed with a capability that a container asks for by name. */
export const privilegedCalls: Readonly<Record<string, readonly string[]>> = {
  BPF: ['bpf'],
  DAC_READ_SEARCH: ['open_by_handle_at'],
  PERFMON: ['perf_event_open'],
  SYSLOG: ['syslog'],
  SYS_ADMIN: [
    ...['mount', 'umount2', 'pivot_root', 'mount_setattr', 'open_tree', 'open_tree_attr'],
    ...['move_mount', 'fsopen', 'fsconfig', 'fsmount', 'fspick', 'statmount', 'listmount'],
    ...['setns', 'unshare', 'clone', 'clone3', 'sethostname', 'setdomainname', 'fanotify_init'],
    ...['bpf', 'perf_event_open', 'quotactl', 'quotactl_fd', 'lookup_dcookie', 'syslog'],
  ],
  SYS_BOOT: ['reboot'],
  SYS_CHROOT: ['chroot'],
  SYS_MODULE: ['init_module', 'finit_module', 'delete_module'],
  SYS_NICE: [
    ...['get_mempolicy', 'set_mempolicy', 'set_mempolicy_home_node', 'mbind', 'migrate_pages'],
    'move_pages',
  ],
  SYS_PACCT: ['acct'],
  SYS_PTRACE: ['kcmp', 'pidfd_getfd', 'process_madvise'],
  SYS_RAWIO: ['iopl', 'ioperm'],
  SYS_TIME: ['settimeofday', 'clock_settime'],
  SYS_TTY_CONFIG: ['vhangup'],
}
