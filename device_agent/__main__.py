"""The command line of a gateway. Each command loads only what it needs: `run` should stay small.

argparse, because it is there: on a pole typer would bring rich and pydantic, 12 MB resident for a few words.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from device_agent.commands.options import Options, settings_of_this_box, whole_number
from device_agent.process import keep_small, tell_where_it_hangs


def main(arguments: Sequence[str] | None = None, environment: Mapping[str, str] | None = None) -> int:
    """Do what a command line says.

    Args:
        arguments: Without the program's name; None takes those of this process, which is then ours alone.
        environment: Where options come from that are not given; None takes the process's, and before it what
            ``install`` wrote.

    Returns:
        The exit code.
    """
    if arguments is None:
        keep_small()
    if environment is None:
        environment = {**settings_of_this_box(), **os.environ}
    given = _parser(environment).parse_args(sys.argv[1:] if arguments is None else arguments)
    code: int = given.do(given)
    return code


def _parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="loacast-agent",
        description="LoaCast gateway: keeps a plan, plays it on its own clock, reports what really sounded.",
    )
    options = Options(parser.add_subparsers(metavar="COMMAND", required=True), environment)
    _add_run(options)
    _add_fleet(options)
    _add_status(options)
    return parser


def _add_run(options: Options) -> None:
    command = options.command("run", _run, "Run one gateway until SIGTERM or SIGINT.")
    options.credential(command)
    options.state_dir(command)
    options.sink(command)
    options.add(
        command,
        "--download-kbit-s",
        "LOACAST_AGENT_DOWNLOAD_KBIT_S",
        "cap on fetching ahead, in thousands of bits a second; it gives way when a clip would be late",
        kind=whole_number(8),
        default="",
    )
    options.add(
        command,
        "--probe",
        "LOACAST_AGENT_PROBE",
        "what hears the loudspeaker, if anything does: device, device:NAME (microphone, line in, monitor)",
        default="",
    )
    options.add(
        command,
        "--self-test-at",
        "LOACAST_AGENT_SELF_TEST_AT",
        "HH:MM of the nightly self-test, local time; with a probe a very soft chirp sounds",
        default="",
    )


def _add_fleet(options: Options) -> None:
    command = options.command(
        "fleet", _fleet, "Run many light gateways in one process, for demonstrations: real answers, no sound."
    )
    options.add(
        command,
        "--credentials",
        "LOACAST_AGENT_CREDENTIALS",
        "directory of credential files, *.json",
        kind=Path,
    )
    options.state_dir(command)


def _add_status(options: Options) -> None:
    command = options.command(
        "status",
        _status,
        "Print what the journal holds: plan version, next items, reports waiting. The agent may be running.",
    )
    options.state_dir(command)


def _run(given: argparse.Namespace) -> int:
    tell_where_it_hangs()
    from device_agent.commands import running  # noqa: PLC0415 - other commands need neither PyAV nor numpy

    return running.run(
        given.credential,
        given.state_dir,
        given.sink,
        download_kbit_s=given.download_kbit_s,
        probe=given.probe,
        self_test_at=given.self_test_at,
    )


def _fleet(given: argparse.Namespace) -> int:
    from device_agent.commands import running  # noqa: PLC0415 - other commands need neither PyAV nor numpy

    return running.fleet(given.credentials, given.state_dir)


def _status(given: argparse.Namespace) -> int:
    from device_agent.commands import journal_status  # noqa: PLC0415 - `run` need not load it

    return journal_status.status(given.state_dir)


if __name__ == "__main__":
    sys.exit(main())
