import socket
import sys
from contextlib import closing
from pathlib import Path
from time import perf_counter

import pytest

from audio import confined
from audio.limits import Bounds

PYTHON = (sys.executable, "-I", "-S", "-c")


def run(program: str, bounds: Bounds | None = None) -> confined.Ending:
    return confined.run([*PYTHON, program], bounds=bounds or Bounds())


def test_a_program_that_behaves_ends_as_it_wants() -> None:
    ending = run("import sys; print('word', file=sys.stderr); sys.exit(3)")
    assert ending == confined.Ending(3, "word\n", out_of_time=False, wrote_too_much=False)


def test_a_program_that_only_waits_is_killed_by_the_clock() -> None:
    before = perf_counter()
    ending = run("import signal; signal.pause()", Bounds(wall_ms=200))
    assert ending.out_of_time
    assert perf_counter() - before < 2


def test_a_program_that_only_computes_is_killed_by_its_processor_time() -> None:
    ending = run("while True: pass", Bounds(wall_ms=20_000, cpu_s=1))
    assert (ending.out_of_time, ending.exit_code < 0) == (True, True)


def test_a_program_cannot_take_more_memory_than_it_is_given() -> None:
    ending = run("bytearray(512 * 2**20)", Bounds(address_space_bytes=256 * 2**20))
    assert ending.exit_code == 1
    assert "MemoryError" in ending.log


def test_a_program_that_fills_the_disk_is_stopped(tmp_path: Path) -> None:
    out = tmp_path / "big"
    program = (
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_DFL)\n"  # Python itself ignores it
        f"open({str(out)!r}, 'wb').write(bytes(10**6))"
    )
    ending = run(program, Bounds(output_bytes=100_000))
    assert ending.wrote_too_much
    assert out.stat().st_size <= 100_000


def test_a_flood_of_complaints_is_not_kept() -> None:
    ending = run("import sys\nfor n in range(20000): print('line', n, file=sys.stderr)")
    assert ending.log.endswith("line 19999\n")
    assert len(ending.log) < 10_000


def test_lines_that_the_caller_took_are_not_in_the_log() -> None:
    seen: list[str] = []

    def take(line: str) -> bool:
        seen.append(line)
        return line.startswith("a")

    program = "import sys; print('a=1\\nb=2', file=sys.stderr)"
    ending = confined.run([*PYTHON, program], bounds=Bounds(), on_line=take)
    assert (seen, ending.log) == (["a=1\n", "b=2\n"], "b=2\n")


def test_a_caller_who_fails_leaves_no_child_behind() -> None:
    def fail(line: str) -> bool:
        raise LookupError(line)

    program = "import os, signal, sys; print(os.getpid(), file=sys.stderr, flush=True); signal.pause()"
    with pytest.raises(LookupError) as failed:
        confined.run([*PYTHON, program], bounds=Bounds(), on_line=fail)
    assert not Path("/proc", failed.value.args[0].strip()).exists()


def test_nothing_of_our_environment_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOACAST_SECRET", "hunter2")
    ending = run("import os, sys; print(sorted(os.environ), file=sys.stderr)")
    assert "LOACAST_SECRET" not in ending.log
    assert "LC_ALL" in ending.log


def test_a_program_reaches_no_network_where_the_kernel_lets_us_cut_it_off() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        server.setblocking(False)
        port = server.getsockname()[1]
        ending = run(
            "import os, socket, sys\n"
            "print(os.readlink('/proc/self/ns/net'), file=sys.stderr, flush=True)\n"
            f"socket.create_connection(('127.0.0.1', {port}), timeout=2)"
        )
        if str(Path("/proc/self/ns/net").readlink()) in ending.log:
            pytest.skip(
                "this kernel forbids network namespaces to users; the protocol whitelist stands alone"
            )
        assert ending.exit_code != 0
        with pytest.raises(BlockingIOError):
            server.accept()
