# Starts and kills processes that each listen on port 20000 + pid. Forces the kernel to reuse process IDs by
# ns_last_pid (proc_sys_kernel(5)). Ends at end of input.
import os
import select
import signal
import socket
import sys

FIRST, COUNT, ALIVE = 2000, 60, 20
signal.signal(signal.SIGCHLD, signal.SIG_IGN)


def live():
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(('127.0.0.1', 20000 + os.getpid()))
    listener.listen()
    os.close(0)
    signal.pause()


alive = []
print('ready', flush=True)
turn = 0
while not select.select([sys.stdin], [], [], 0)[0]:
    turn += 1
    with open('/proc/sys/kernel/ns_last_pid', 'w') as last:
        last.write(str(FIRST + turn % COUNT - 1))
    pid = os.fork()
    if pid == 0:
        live()
    alive.append(pid)
    if len(alive) > ALIVE:
        os.kill(alive.pop(0), signal.SIGKILL)
