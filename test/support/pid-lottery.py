# Processes that come and go, each with a listener whose port tells its number: 20000 + pid. Numbers are used again and
# again: the kernel is told which one comes next (proc_sys_kernel(5): ns_last_pid). Ends with its input.
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
