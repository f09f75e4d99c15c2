/*
 * Binds a UDP and a listening TCP socket for each of N programs, registers them, and holds them until the input ends.
 */

#define _DEFAULT_SOURCE
#include "rpc.h"

#include <arpa/inet.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A port mapper may take ten seconds to start. */
enum { CONNECT_PAUSE_US = 5000, CONNECT_TRIES = 2000 };

static void allow_descriptors(rlim_t count) {
  struct rlimit limit = {.rlim_cur = count, .rlim_max = count};
  must(setrlimit(RLIMIT_NOFILE, &limit), "setrlimit");
}

static void bind_port(int type, uint32_t port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  int fd = must(socket(AF_INET, type, 0), "socket");
  must(bind(fd, (struct sockaddr *)&address, sizeof address), "bind");
  if (type == SOCK_STREAM) must(listen(fd, 1), "listen");
}

/* Connects as soon as the port mapper is listening. */
static int connect_local(void) {
  struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = LOCAL_PATH};
  int fd = must(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
  for (int tries = 0; connect(fd, (struct sockaddr *)&address, sizeof address) < 0; tries++) {
    if (tries == CONNECT_TRIES) fail("connect " LOCAL_PATH);
    usleep(CONNECT_PAUSE_US);
  }
  return fd;
}

static void read_whole(int fd, uint8_t *at, size_t length) {
  for (size_t got = 0; got < length;) {
    ssize_t count = read(fd, at + got, length - got);
    if (count <= 0) fail("read " LOCAL_PATH);
    got += (size_t)count;
  }
}

/* Registers like libtirpc: version 3, over the Unix socket, for every address. */
static void set(int fd, uint32_t xid, uint32_t program, const char *netid, uint32_t port) {
  uint8_t bytes[CALL_MAX];
  char address[32];
  write_uaddr(address, "0.0.0.0", port);
  uint8_t *end = put_rpcb(put_call(bytes + 4, xid, 3, RPCB_SET), program, netid, address, "0");
  put32(bytes, LAST_FRAGMENT | (uint32_t)(end - bytes - 4));
  if (write(fd, bytes, (size_t)(end - bytes)) != end - bytes) fail("write " LOCAL_PATH);
  read_whole(fd, bytes, 4 + REPLY_HEAD + 4);
  errno = 0;
  if (get32(bytes + 4) != xid || !is_number(bytes + 4, REPLY_HEAD + 4, 1)) fail("SET");
}

int main(int argc, char **argv) {
  uint32_t programs = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 0;
  allow_descriptors(2 * programs + 64);
  int fd = connect_local();
  for (uint32_t i = 0; i < programs; i++) {
    uint32_t port = FIRST_PORT + i;
    bind_port(SOCK_DGRAM, port);
    bind_port(SOCK_STREAM, port);
    set(fd, 2 * i, FIRST_PROGRAM + i, "udp", port);
    set(fd, 2 * i + 1, FIRST_PROGRAM + i, "tcp", port);
  }
  close(fd);
  printf("holding %u\n", 2 * programs);
  fflush(stdout);
  while (read(STDIN_FILENO, &(char){0}, 1) > 0) continue;
  return 0;
}
