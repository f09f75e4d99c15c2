# Holds idle connections to Unix sockets, and reopens each when it is closed:
# hold-connections.py COUNT FIRST-UID UIDS PATH... opens COUNT per path, as UIDS users from FIRST-UID on in turn.
import os
import select
import socket
import sys

count, first, uids = (int(word) for word in sys.argv[1:4])
paths = sys.argv[4:]
poll = select.poll()
held = {}


def hold(path, uid):
    os.seteuid(uid)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.connect(path)
    finally:
        os.seteuid(0)
    held[sock.fileno()] = (sock, path, uid)
    poll.register(sock, select.POLLIN | select.POLLHUP)


for path in paths:
    for at in range(count):
        hold(path, first + at % uids)
print("held", flush=True)
while True:
    for fd, _ in poll.poll():
        sock, path, uid = held.pop(fd)
        poll.unregister(fd)
        sock.close()
        hold(path, uid)
