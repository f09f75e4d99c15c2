/* Measures the run time of a whole command: stopwatch COMMAND ARGUMENTS. Its standard output is discarded. */

#define _DEFAULT_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_ms(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static double ms(struct timeval time) { return (double)time.tv_sec * 1e3 + (double)time.tv_usec / 1e3; }

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  double begin = now_ms();
  pid_t pid = fork();
  if (pid == 0) {
    dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
    execvp(argv[1], argv + 1);
    fprintf(stderr, "%s: %s\n", argv[1], strerror(errno));
    _exit(127);
  }
  int status;
  struct rusage usage;
  if (pid < 0 || wait4(pid, &status, 0, &usage) != pid) return 2;
  double wall = now_ms() - begin;
  printf("{\"ms\":%.3f,\"cpuMs\":%.3f,\"code\":%d}\n", wall, ms(usage.ru_utime) + ms(usage.ru_stime),
         WIFEXITED(status) ? WEXITSTATUS(status) : 128);
  return 0;
}
