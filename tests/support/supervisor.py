"""What systemd does for an agent whose unit says Type=notify and WatchdogSec=, in fifty lines.

sd_notify(3): the process sends datagrams to ``NOTIFY_SOCKET``; when none says ``WATCHDOG=1`` for
``WATCHDOG_USEC``, it gets SIGABRT and SIGCONT, SIGKILL a moment later, and is started again.
"""

import contextlib
import select
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

from support.pole import Pole

ABORT_S = 2.0


class Supervisor:
    """Starts a pole's agent, watches it in a thread, starts it again whenever it ends.

    Args:
        pole: Not yet started, with the `environment` of the same socket and limit.
        socket_path: At most 100 characters.
        watchdog_s: How long the agent may be silent once it is ready.
    """

    def __init__(self, pole: Pole, socket_path: Path, watchdog_s: float) -> None:
        self.pole = pole
        self.said: list[str] = []
        self.aborted_at: list[float] = []
        self._watchdog_s = watchdog_s
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(socket_path))
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @staticmethod
    def environment(socket_path: Path, watchdog_s: float) -> dict[str, str]:
        return {"NOTIFY_SOCKET": str(socket_path), "WATCHDOG_USEC": str(round(watchdog_s * 1e6))}

    def start(self) -> "Supervisor":
        self.pole.start()
        self._thread.start()
        return self

    def stop(self) -> int:
        self._stopping.set()
        self._thread.join(10)
        self._socket.close()
        return self.pole.stop()

    def _run(self) -> None:
        deadline: float | None = None
        while not self._stopping.is_set():
            if select.select([self._socket], [], [], 0.05)[0]:
                lines = self._socket.recv(4096).decode().splitlines()
                self.said += lines
                if {"READY=1", "WATCHDOG=1"} & set(lines):
                    deadline = time.monotonic() + self._watchdog_s
            process = self.pole.process
            if process is None:
                continue
            if deadline is not None and time.monotonic() > deadline:
                self.aborted_at.append(time.time())  # noqa: TID251 - real processes live in real time
                self._abort(process)
                deadline = None
            elif process.poll() is None:
                continue
            self.pole.start()

    @staticmethod
    def _abort(process: subprocess.Popen[bytes]) -> None:
        process.send_signal(signal.SIGABRT)
        process.send_signal(signal.SIGCONT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(ABORT_S)
            return
        process.kill()
        process.wait()
