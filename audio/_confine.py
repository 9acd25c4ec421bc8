"""Take limits on, then become another program. Run as a script by `audio.confined`, imported by nobody.

A child that limits itself after the fork and before the exec would have to run Python code in
`preexec_fn`, which may deadlock in a process with threads, as the controller is. A program of its own
costs 20 ms and has no threads.

Arguments: CPU seconds, address space in bytes, largest file in bytes, then the command.
"""

import ctypes
import os
import resource
import signal
import sys

_CLONE_NEWUSER, _CLONE_NEWNET = 0x1000_0000, 0x4000_0000
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_OPEN_FILES = 64


def _limit(kind: int, value: int) -> None:
    hard = resource.getrlimit(kind)[1]
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(kind, (value, value))


def _leave_the_network() -> None:
    """Die with the parent, gain no rights, and enter a network namespace without any interface.

    The namespace is an extra: where the kernel forbids it to users, the call fails and the protocol
    whitelist stands alone.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)


def main(cpu_s: str, address_space: str, file_size: str, *command: str) -> None:
    """Replace this process by `command` under the limits given."""
    if sys.platform == "linux":
        _leave_the_network()
        # Apple's kernel reserves more address space than any sensible limit for every process.
        _limit(resource.RLIMIT_AS, int(address_space))
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_NOFILE, _OPEN_FILES)
    # One second between them, so that the kernel sends SIGXCPU, which says why, before SIGKILL.
    resource.setrlimit(resource.RLIMIT_CPU, (int(cpu_s), int(cpu_s) + 1))
    _limit(resource.RLIMIT_FSIZE, int(file_size))
    for ignored_by_python in (signal.SIGXFSZ, signal.SIGPIPE):  # and an ignored signal outlives exec
        signal.signal(ignored_by_python, signal.SIG_DFL)
    os.execv(command[0], command)  # noqa: S606 - the absolute path of a program we chose; no shell


if __name__ == "__main__":
    main(*sys.argv[1:])
