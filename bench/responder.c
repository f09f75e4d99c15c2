/* Answers every datagram on port 111 with a constant GETPORT reply and the datagram's xid: the minimum of work. */

#define _GNU_SOURCE
#include "rpc.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BATCH = 64, REPLY_BYTES = REPLY_HEAD + 4 };

int main(void) {
  static uint8_t requests[BATCH][CALL_MAX], replies[BATCH][REPLY_BYTES];
  static struct sockaddr_in callers[BATCH];
  static struct iovec request_vectors[BATCH], reply_vectors[BATCH];
  static struct mmsghdr in[BATCH], out[BATCH];
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(PORTMAP_PORT)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = must(socket(AF_INET, SOCK_DGRAM, 0), "socket");
  int buffer = 4 * 1024 * 1024;
  must(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer), "SO_RCVBUFFORCE");
  must(bind(fd, (struct sockaddr *)&address, sizeof address), "bind");
  for (int i = 0; i < BATCH; i++) {
    request_vectors[i] = (struct iovec){requests[i], CALL_MAX};
    reply_vectors[i] = (struct iovec){replies[i], REPLY_BYTES};
    in[i].msg_hdr = (struct msghdr){.msg_name = &callers[i], .msg_iov = &request_vectors[i], .msg_iovlen = 1};
    out[i].msg_hdr = (struct msghdr){.msg_name = &callers[i], .msg_iov = &reply_vectors[i], .msg_iovlen = 1};
    put32(replies[i] + 4, 1);
    put32(replies[i] + REPLY_HEAD, FIRST_PORT);
  }
  puts("ready");
  fflush(stdout);
  for (;;) {
    for (int i = 0; i < BATCH; i++) in[i].msg_hdr.msg_namelen = sizeof callers[i];
    int count = must(recvmmsg(fd, in, BATCH, MSG_WAITFORONE, NULL), "recvmmsg");
    for (int i = 0; i < count; i++) {
      memcpy(replies[i], requests[i], 4);
      out[i].msg_hdr.msg_namelen = in[i].msg_hdr.msg_namelen;
    }
    for (int done = 0; done < count;) done += must(sendmmsg(fd, out + done, (unsigned)(count - done), 0), "sendmmsg");
  }
}
