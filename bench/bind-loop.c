/*
 * Measures the cost of bind(2): sockets are created, bound and closed in a loop on one core, or connections are made
 * and accepted. bind-loop 4|6 bind|connect FIRST-PORT PORTS COUNT CORE
 */

#define _GNU_SOURCE
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 1000 };

struct place {
  struct sockaddr_storage address;
  socklen_t length;
};

static unsigned refused;

static int must(int result, const char *what) {
  if (result >= 0) return result;
  perror(what);
  exit(1);
}

static struct place place_of(int family, unsigned port, int is_loopback) {
  struct place place = {0};
  if (family == AF_INET) {
    struct sockaddr_in *in4 = (struct sockaddr_in *)&place.address;
    in4->sin_family = AF_INET;
    in4->sin_port = htons((uint16_t)port);
    in4->sin_addr.s_addr = htonl(is_loopback ? INADDR_LOOPBACK : INADDR_ANY);
    place.length = sizeof *in4;
  } else {
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&place.address;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons((uint16_t)port);
    in6->sin6_addr = is_loopback ? in6addr_loopback : in6addr_any;
    place.length = sizeof *in6;
  }
  return place;
}

static void bind_once(int family, const struct place *place) {
  int fd = must(socket(family, SOCK_STREAM, 0), "socket");
  if (bind(fd, (const struct sockaddr *)&place->address, place->length) < 0) {
    if (errno != EACCES) must(-1, "bind");
    refused++;
  }
  close(fd);
}

/* The client closes with a reset, so that no port remains in TIME_WAIT. */
static void connect_once(int family, const struct place *place, int listener) {
  int fd = must(socket(family, SOCK_STREAM, 0), "socket");
  struct linger at_once = {.l_onoff = 1, .l_linger = 0};
  must(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), "setsockopt");
  must(connect(fd, (const struct sockaddr *)&place->address, place->length), "connect");
  int accepted = must(accept(listener, NULL, NULL), "accept");
  close(fd);
  close(accepted);
}

/* CPU time: other processes on the core do not count. */
static double now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static int by_value(const void *a, const void *b) {
  double difference = *(const double *)a - *(const double *)b;
  return difference < 0 ? -1 : difference > 0;
}

int main(int argc, char **argv) {
  if (argc != 7) return 2;
  int family = argv[1][0] == '4' ? AF_INET : AF_INET6;
  int is_bind = strcmp(argv[2], "bind") == 0;
  unsigned first = (unsigned)strtoul(argv[3], NULL, 10);
  unsigned ports = (unsigned)strtoul(argv[4], NULL, 10);
  unsigned count = (unsigned)strtoul(argv[5], NULL, 10);
  cpu_set_t core;
  CPU_ZERO(&core);
  CPU_SET(strtoul(argv[6], NULL, 10), &core);
  must(sched_setaffinity(0, sizeof core, &core), "sched_setaffinity");

  struct place *places = calloc(ports, sizeof *places);
  for (unsigned i = 0; i < ports; i++) places[i] = place_of(family, first + i, !is_bind);
  int listener = -1;
  if (!is_bind) {
    listener = must(socket(family, SOCK_STREAM, 0), "socket");
    must(bind(listener, (struct sockaddr *)&places[0].address, places[0].length), "bind");
    must(listen(listener, 16), "listen");
  }
  unsigned batches = count / BATCH;
  double *times = calloc(batches + 1, sizeof *times);
  for (unsigned batch = 0; batch <= batches; batch++) {
    double begin = now_ns();
    for (unsigned i = 0; i < BATCH; i++) {
      if (is_bind) bind_once(family, &places[i % ports]);
      else connect_once(family, &places[0], listener);
    }
    times[batch] = (now_ns() - begin) / BATCH;
  }
  /* Interference only adds time: the least disturbed tenth of the batches counts. The first batch is a warm-up. */
  qsort(times + 1, batches, sizeof *times, by_value);
  unsigned all = (batches + 1) * BATCH;
  const char *was_refused = refused == all ? "true" : refused == 0 ? "false" : "null";
  printf("{\"ns\":%.1f,\"refused\":%s}\n", times[1 + batches / 10], was_refused);
  return 0;
}
