/* Binds a TCP port on all addresses by io_uring, without bind(2): PORT [async]; with async, a kernel worker does it. */

#include <arpa/inet.h>
#include <errno.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* <linux/io_uring.h> of Linux 6.11 and newer. */
enum { OP_BIND = 56 };

static void fail(const char *what) {
  perror(what);
  exit(2);
}

static void *map(int ring, size_t bytes, off_t offset) {
  void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring, offset);
  if (at == MAP_FAILED) fail("mmap");
  return at;
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)strtoul(argv[1], NULL, 10))};
  struct io_uring_params params = {0};
  int ring = (int)syscall(SYS_io_uring_setup, 1, &params);
  if (ring < 0) fail("io_uring_setup");
  char *sq = map(ring, params.sq_off.array + params.sq_entries * sizeof(unsigned), IORING_OFF_SQ_RING);
  char *cq = map(ring, params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe), IORING_OFF_CQ_RING);
  struct io_uring_sqe *sqe = map(ring, params.sq_entries * sizeof *sqe, IORING_OFF_SQES);

  memset(sqe, 0, sizeof *sqe);
  sqe->opcode = OP_BIND;
  sqe->flags = argc > 2 && strcmp(argv[2], "async") == 0 ? IOSQE_ASYNC : 0;
  sqe->fd = socket(AF_INET, SOCK_STREAM, 0);
  sqe->addr = (uintptr_t)&address;
  sqe->addr2 = sizeof address;
  *(unsigned *)(sq + params.sq_off.array) = 0;
  __atomic_store_n((unsigned *)(sq + params.sq_off.tail), 1, __ATOMIC_RELEASE);
  if (syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 1) fail("io_uring_enter");

  struct io_uring_cqe *cqe = (struct io_uring_cqe *)(cq + params.cq_off.cqes);
  /* EINVAL means that the kernel does not have this operation: address and descriptor are valid. */
  puts(cqe->res == 0 ? "bound" : cqe->res == -EINVAL ? "no such operation" : strerror(-cqe->res));
  return 0;
}
