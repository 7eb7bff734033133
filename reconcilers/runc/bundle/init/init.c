/*
 * The first process of a container with `init` (docs/decisions/0052-fields-of-the-runtime.md). It
 * runs `argv[1]` with what follows it, passes every signal on to it, reaps whoever is left behind,
 * and ends as it has ended: with its exit code, or 128 and the number of the signal. It needs no
 * library and no loader, so it runs in any image of its architecture. `sh build` beside this file
 * makes programs.ts of it.
 */
typedef unsigned long word;

#if defined(__x86_64__)
enum { WRITE = 1, SIGPROCMASK = 14, IOCTL = 16, GETPID = 39, CLONE = 56, EXECVE = 59,
       EXIT = 60, WAIT4 = 61, KILL = 62, SETPGID = 109, SIGTIMEDWAIT = 128 };
__asm__(".globl _start\n_start:\n xor %ebp,%ebp\n mov %rsp,%rdi\n and $-16,%rsp\n call begin\n hlt\n");
static long call(long number, word a, word b, word c, word d, word e) {
  register word r10 __asm__("r10") = d;
  register word r8 __asm__("r8") = e;
  long result;
  __asm__ volatile("syscall" : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
                   : "rcx", "r11", "memory");
  return result;
}
#elif defined(__aarch64__)
enum { WRITE = 64, SIGPROCMASK = 135, IOCTL = 29, GETPID = 172, CLONE = 220, EXECVE = 221, EXIT = 94,
       WAIT4 = 260, KILL = 129, SETPGID = 154, SIGTIMEDWAIT = 137 };
__asm__(".globl _start\n_start:\n mov x29,#0\n mov x30,#0\n mov x0,sp\n bl begin\n brk #0\n");
static long call(long number, word a, word b, word c, word d, word e) {
  register long x8 __asm__("x8") = number;
  register word x0 __asm__("x0") = a;
  register word x1 __asm__("x1") = b;
  register word x2 __asm__("x2") = c;
  register word x3 __asm__("x3") = d;
  register word x4 __asm__("x4") = e;
  __asm__ volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
  return (long)x0;
}
#endif

enum { ENOENT = 2, EINTR = 4, EACCES = 13, ENOTDIR = 20, SIGCHLD = 17, WNOHANG = 1, SIG_SETMASK = 2,
       TIOCSPGRP = 0x5410, PATH_MAX = 4096 };

static word lengthOf(const char *text) {
  word length = 0;
  while (text[length]) length++;
  return length;
}

static void say(const char *text) { call(WRITE, 2, (word)text, lengthOf(text), 0, 0); }

/* What a shell exits with: 127 where there is no such program, 126 where it cannot be run. */
static void fail(const char *name, long error) {
  say("covey: ");
  say(name);
  say(error == -ENOENT || error == -ENOTDIR ? ": no such program\n" : ": cannot be run\n");
  call(EXIT, error == -ENOENT || error == -ENOTDIR ? 127 : 126, 0, 0, 0, 0);
}

static const char *searchPath(char **environment) {
  for (; *environment; environment++) {
    const char *text = *environment;
    if (text[0] == 'P' && text[1] == 'A' && text[2] == 'T' && text[3] == 'H' && text[4] == '=') {
      return text + 5;
    }
  }
  return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

/* As execvp(3), but that a file of another format is no shell script. */
static void become(char **arguments, char **environment) {
  static char path[PATH_MAX];
  const char *name = arguments[0];
  long found = -ENOENT;
  for (const char *at = name; *at; at++) {
    if (*at != '/') continue;
    fail(name, call(EXECVE, (word)name, (word)arguments, (word)environment, 0, 0));
  }
  if (!*name) fail(name, found);
  word length = lengthOf(name);
  for (const char *at = searchPath(environment);; at++) {
    word size = 0;
    while (at[size] && at[size] != ':') size++;
    if (size + length + 3 < PATH_MAX) {
      char *to = path;
      for (word index = 0; index < size; index++) *to++ = at[index];
      if (size == 0) *to++ = '.';
      *to++ = '/';
      for (word index = 0; index <= length; index++) *to++ = name[index];
      long error = call(EXECVE, (word)path, (word)arguments, (word)environment, 0, 0);
      if (error != -ENOENT && error != -ENOTDIR) found = error;
      if (error != -ENOENT && error != -ENOTDIR && error != -EACCES) break;
    }
    at += size;
    if (!*at) break;
  }
  fail(name, found);
}

/* Reaps all that has ended. Does not return once the program is among them. */
static void reap(long program) {
  for (;;) {
    int status = 0;
    long pid = call(WAIT4, (word)-1, (word)&status, WNOHANG, 0, 0);
    if (pid == -EINTR) continue;
    if (pid <= 0) return;
    if (pid != program) continue;
    int signal = status & 0x7f;
    call(EXIT, signal ? 128 + signal : (status >> 8) & 0xff, 0, 0, 0, 0);
  }
}

__attribute__((noreturn, used)) void begin(word *stack) {
  word count = stack[0];
  char **arguments = (char **)(stack + 1);
  char **environment = arguments + count + 1;
  word all = ~(word)0, before = 0;
  if (count < 2) {
    say("covey: name a program\n");
    call(EXIT, 127, 0, 0, 0, 0);
  }
  /* Who is first gets a signal only if it is waited for, and then even where it would be ignored. */
  call(SIGPROCMASK, SIG_SETMASK, (word)&all, (word)&before, sizeof all, 0);
  long program = call(CLONE, SIGCHLD, 0, 0, 0, 0);
  if (program < 0) fail(arguments[1], program);
  if (program == 0) {
    /* A group of its own, in the foreground where there is a terminal. */
    int own = (int)call(GETPID, 0, 0, 0, 0, 0);
    call(SETPGID, 0, 0, 0, 0, 0);
    call(IOCTL, 0, TIOCSPGRP, (word)&own, 0, 0);
    call(SIGPROCMASK, SIG_SETMASK, (word)&before, 0, sizeof all, 0);
    become(arguments + 1, environment);
  }
  for (;;) {
    long signal = call(SIGTIMEDWAIT, (word)&all, 0, 0, sizeof all, 0);
    if (signal == SIGCHLD) reap(program);
    else if (signal > 0) call(KILL, (word)program, (word)signal, 0, 0, 0);
  }
}
