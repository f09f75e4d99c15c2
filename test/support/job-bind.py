# Binds a TCP port of loopback in one of several ways, "job-bind.py WAY PORT", and prints "ok" or the errno's name.

import ctypes
import errno
import os
import socket
import sys
import threading

PR_SET_NAME = 15


def bind(port):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        s.bind(("127.0.0.1", port))
        return "ok"
    except OSError as e:
        return errno.errorcode[e.errno]


def plainly(port):
    print(bind(port))


def by_thread(port):
    thread = threading.Thread(target=plainly, args=(port,))
    thread.start()
    thread.join()


def by_daemon(port):
    """Forks twice and starts a session in between, as daemons do; its output comes through a pipe."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.setsid()
        if os.fork() == 0:
            os.write(writing, bind(port).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(writing)
    print(os.read(reading, 100).decode())


def renamed(port):
    """Claims another name in every place that a process can write."""
    ctypes.CDLL(None).prctl(PR_SET_NAME, b"nginx", 0, 0, 0)
    os.environ["_BPX_JOBNAME"] = "NGINX"
    if len(sys.argv) == 3:
        os.execv(sys.executable, ["nginx", *sys.argv, "again"])
    print(bind(port))


def moved(port):
    """Tries to enter the cgroup that the environment names."""
    try:
        with open(os.environ["CGROUP"] + "/cgroup.procs", "w") as procs:
            procs.write("0")
        print("in", end=" ")
    except OSError as e:
        print(errno.errorcode[e.errno], end=" ")
    print(bind(port))


def below(port):
    """Creates a cgroup below its own, named by the environment, enters it, and binds."""
    os.mkdir(os.environ["CGROUP"])
    moved(port)


WAYS = (plainly, by_thread, by_daemon, renamed, moved, below)
{way.__name__: way for way in WAYS}[sys.argv[1]](int(sys.argv[2]))
