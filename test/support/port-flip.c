/* Binds sockets while a thread changes the port in the address: port-flip WANTED OTHER COUNT. Prints the results. */

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct sockaddr_in address;
static atomic_int is_done;
static in_port_t ports[2];

static void *flip(void *unused) {
  volatile in_port_t *port = &address.sin_port;
  while (!is_done)
    for (int i = 0; i < 2; i++) *port = ports[i];
  return unused;
}

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  for (int i = 0; i < 2; i++) ports[i] = htons((in_port_t)strtoul(argv[1 + i], NULL, 10));
  address.sin_family = AF_INET;
  address.sin_port = ports[1];
  pthread_t thread;
  if (pthread_create(&thread, NULL, flip, NULL) != 0) return 2;
  long wanted = 0, other = 0, refused = 0;
  for (long left = strtol(argv[3], NULL, 10); left > 0; left--) {
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) == 0) {
      struct sockaddr_in got;
      socklen_t length = sizeof got;
      getsockname(fd, (struct sockaddr *)&got, &length);
      *(got.sin_port == ports[0] ? &wanted : &other) += 1;
    } else if (errno == EACCES) {
      refused++;
    } else {
      perror("bind");
      return 1;
    }
    close(fd);
  }
  is_done = 1;
  pthread_join(thread, NULL);
  printf("%ld %s %s\n", wanted, other > 0 ? "other" : "-", refused > 0 ? "refused" : "-");
  return 0;
}
