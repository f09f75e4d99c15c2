# Two processes, A and B, that pass a listener by commands on standard input, one per line: pass (A to B; A closes
# it), share (B to A; both keep it), exec (A executes sleep(1) with it), end (A ends). The number of descriptors of each
# process stays constant. First prints the port and the process IDs of A and B.
import array
import os
import signal
import socket
import sys

signal.signal(signal.SIGPIPE, signal.SIG_DFL)
FD = array.array('i', [0]).itemsize


def send(channel, fd):
    channel.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [fd]))])


def receive(channel):
    _, ancillary, _, _ = channel.recvmsg(1, socket.CMSG_LEN(FD))
    return array.array('i', ancillary[0][2][:FD])[0]


def spare():
    return os.open('/dev/null', os.O_RDONLY)


def a(orders, channel, fd):
    for order in iter(lambda: orders.recv(1), b''):
        if order == b'p':
            send(channel, fd)
            os.close(fd)
            fd = spare()
        elif order == b's':
            os.close(fd)
            fd = receive(channel)
        elif order == b'e':
            os.set_inheritable(fd, True)
            orders.send(b'.')
            os.execvp('sleep', ['sleep', '1000'])
        orders.send(b'.')


def b(orders, channel):
    fd = spare()
    for order in iter(lambda: orders.recv(1), b''):
        if order == b'p':
            os.close(fd)
            fd = receive(channel)
        elif order == b's':
            send(channel, fd)
        orders.send(b'.')


def start(work, *args):
    parent_end, child_end = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        parent_end.close()
        os.close(0)
        work(child_end, *args)
        os._exit(0)
    child_end.close()
    return pid, parent_end


near, far = socket.socketpair()
b_pid, b_orders = start(b, far)
listener = socket.socket()
listener.bind(('127.0.0.1', 0))
listener.listen()
port = listener.getsockname()[1]
a_pid, a_orders = start(a, near, listener.fileno())
listener.close()
near.close()
far.close()
print(port, a_pid, b_pid, flush=True)
for line in sys.stdin:
    order = line.strip()
    both = {'pass': (a_orders, b_orders), 'share': (b_orders, a_orders), 'exec': (a_orders,)}
    for one in both.get(order, ()):
        one.send(order[:1].encode())
    for one in both.get(order, ()):
        one.recv(1)
    if order == 'end':
        os.kill(a_pid, signal.SIGKILL)
        os.waitpid(a_pid, 0)
    print('done', flush=True)
for pid in (a_pid, b_pid):
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
