# "prepare COMMAND...": changes everything that a command inherits and executes it; "mirror": prints what it inherited.

import json
import os
import resource
import signal
import sys

MINE = ("_", "PWD", "OLDPWD", "SHLVL")
# Names that a shell script could use for its own variables.
NAMES = ("node", "root", "self", "version", "major", "words", "job")


def prepare(command):
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGWINCH])
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (300, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.umask(0o027)
    os.nice(3)
    for fd in (3, 5, 10, 40):
        os.dup2(0, fd)
        os.set_inheritable(fd, True)
    for name in NAMES:
        os.environ[name] = "inherited"
    os.environ["PREPARED"] = str(os.getpid())
    os.execvp(command[0], command)


def flags(fd):
    with open("/proc/self/fdinfo/%d" % fd) as info:
        return [line.split()[1] for line in info if line.startswith("flags")]


def fields(path):
    with open(path) as lines:
        return dict(line.rstrip("\n").split(":", 1) for line in lines if ":" in line)


def mirror(words):
    status = fields("/proc/self/status")
    fds = {}
    for name in os.listdir("/proc/self/fd"):
        try:
            fds[name] = [os.readlink("/proc/self/fd/" + name), flags(int(name))]
        except OSError:
            pass  # The descriptor of the directory listing itself.
    with open("/proc/self/limits") as limits:
        print(
            json.dumps(
                {
                    "words": words,
                    "isSameProcess": os.environ["PREPARED"] == str(os.getpid()),
                    "group": [os.getpgrp() == os.getpid(), os.getsid(0) == os.getpid()],
                    "terminal": [os.isatty(fd) and os.tcgetpgrp(fd) == os.getpgrp() for fd in (0, 1, 2)],
                    "signals": [status[name] for name in ("SigBlk", "SigIgn")],
                    "user": [status[name] for name in ("Uid", "Gid", "Groups", "CapEff", "NoNewPrivs")],
                    "umask": status["Umask"],
                    "nice": os.nice(0),
                    "limits": limits.read(),
                    "descriptors": fds,
                    "environment": {k: v for k, v in os.environ.items() if k not in MINE + ("PREPARED",)},
                    "directory": os.getcwd(),
                    "cgroup": fields("/proc/self/cgroup")["0"],
                }
            )
        )


{"prepare": prepare, "mirror": mirror}[sys.argv[1]](sys.argv[2:])
