/*
 * Starts many processes with listeners and connections, until the input ends: crowd PROCESSES LISTENERS CONNECTIONS
 * PORT UNITS. UNITS is a directory with the cgroups 0, 1, 2, and so on, each with ten processes, like the units of a
 * host.
 */

#define _DEFAULT_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LISTENERS_MAX = 64, BACKLOG = 16, PROCESSES_IN_UNIT = 10 };

static void fail(const char *what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(1);
}

static int must(int result, const char *what) {
  if (result < 0) fail(what);
  return result;
}

static struct sockaddr_in loopback(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

static int listen_on(int port) {
  struct sockaddr_in address = loopback(port);
  int fd = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
  must(bind(fd, (struct sockaddr *)&address, sizeof address), "bind");
  must(listen(fd, BACKLOG), "listen");
  return fd;
}

/* Both ends are in this process. */
static void connect_to(int port, int listener) {
  struct sockaddr_in address = loopback(port);
  int fd = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
  must(connect(fd, (struct sockaddr *)&address, sizeof address), "connect");
  must(accept(listener, NULL, NULL), "accept");
}

static void enter_unit(const char *units, int unit) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%d/cgroup.procs", units, unit);
  int fd = must(open(path, O_WRONLY), path);
  if (write(fd, "0", 1) != 1) fail(path);
  close(fd);
}

static void be_one(int first, int listeners, int connections, int ready) {
  int fds[LISTENERS_MAX];
  must(prctl(PR_SET_PDEATHSIG, SIGKILL), "prctl");
  for (int i = 0; i < listeners; i++) fds[i] = listen_on(first + i);
  for (int i = 0; i < connections; i++) connect_to(first + i % listeners, fds[i % listeners]);
  if (write(ready, "", 1) != 1) fail("write");
  close(ready);
  for (;;) pause();
}

int main(int argc, char **argv) {
  if (argc != 6) return 2;
  int numbers[4];
  for (int i = 0; i < 4; i++) numbers[i] = (int)strtol(argv[i + 1], NULL, 10);
  int processes = numbers[0], listeners = numbers[1];
  if (listeners < 1 || listeners > LISTENERS_MAX) return 2;
  int ends[2];
  must(pipe(ends), "pipe");
  for (int i = 0; i < processes; i++) {
    if (must(fork(), "fork") > 0) continue;
    close(ends[0]);
    enter_unit(argv[5], i / PROCESSES_IN_UNIT);
    be_one(numbers[3] + i * listeners, listeners, numbers[2], ends[1]);
  }
  close(ends[1]);
  int count = 0;
  while (read(ends[0], &(char){0}, 1) == 1) count++;
  printf("%d of %d started\n", count, processes);
  fflush(stdout);
  while (read(STDIN_FILENO, &(char){0}, 1) > 0) continue;
  return 0;
}
