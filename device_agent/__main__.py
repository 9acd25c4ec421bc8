"""The command line of a gateway. Each command loads only what it needs: `run` should stay small.

argparse, because it is there: on a pole typer would bring rich and pydantic, 12 MB resident for a few words.
"""

import argparse
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from device_agent.commands.options import Options, settings_of_this_box, whole_number
from device_agent.commands.words import LANGUAGES, language_of
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
        tell_where_it_hangs()
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
    _add_install(options)
    _add_uninstall(options)
    _add_doctor(options, environment)
    _add_test_tone(options, environment)
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
    options.add(
        command,
        "--amplifier-pin",
        "LOACAST_AGENT_AMPLIFIER_PIN",
        "pin of the amplifier's relay, if one is wired: GPIO17, BOARD11; !GPIO17 closes it when low",
        default="",
    )
    options.add(
        command,
        "--amplifier-lead-ms",
        "LOACAST_AGENT_AMPLIFIER_LEAD_MS",
        "how long before the sound it is switched on, 400 unless told, 1300 at most",
        kind=whole_number(0),
        default="",
    )
    options.add(
        command,
        "--amplifier-hold-ms",
        "LOACAST_AGENT_AMPLIFIER_HOLD_MS",
        "how long after the sound it is switched off, 5000 unless told",
        kind=whole_number(0),
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
        "Show how the running agent is and what its journal holds: plan, next items, reports waiting.",
    )
    options.state_dir(command)
    command.add_argument("--json", action="store_true", help="for programs")


def _add_install(options: Options) -> None:
    command = options.command(
        "install",
        _install,
        "Make this box a gateway that starts by itself: user, service, settings, credential. Run it again to "
        "change something; the rest stays.",
    )
    command.add_argument(
        "--credential",
        metavar="FILE",
        help="what the controller's `gateway add` wrote; - reads standard input; not needed again later",
    )
    command.add_argument(
        "--tls-ca",
        type=Path,
        metavar="FILE",
        help="certificate (PEM) of the authority that signed the broker's; copied",
    )
    command.add_argument(
        "--controller-tls-ca",
        type=Path,
        metavar="FILE",
        help="the same for the controller's web server; without, one of the system's authorities has to have "
        "signed it",
    )
    command.add_argument(
        "--sink",
        help="where sound goes: device or device:NAME; without, as it is set, at first the first sound card",
    )
    command.add_argument(
        "--watchdog-s",
        type=int,
        default=30,
        metavar="SECONDS",
        help="started again after so long without a sign of life (%(default)s)",
    )
    command.add_argument(
        "--python",
        type=Path,
        default=Path(sys.executable),
        metavar="FILE",
        help="interpreter of the virtual environment that the agent is installed in (%(default)s)",
    )
    command.add_argument("--no-start", action="store_true", help="do not start it now")
    _add_root(command)


def _add_uninstall(options: Options) -> None:
    command = options.command(
        "uninstall", _uninstall, "Take the service away; journal, clips and credential stay unless purged."
    )
    command.add_argument("--purge", action="store_true", help="take them as well")
    _add_root(command)


def _add_doctor(options: Options, environment: Mapping[str, str]) -> None:
    command = options.command(
        "doctor",
        _doctor,
        "Check credential, agent, clock, network, broker, controller, disk and sound: what is wrong, what to "
        "do. Nothing sounds. Ends with 1 if something is wrong.",
    )
    options.credential(command)
    options.state_dir(command)
    options.sink(command)
    _add_language(command, environment)
    command.add_argument("--json", action="store_true", help="for programs")


def _add_test_tone(options: Options, environment: Mapping[str, str]) -> None:
    command = options.command(
        "test-tone",
        _test_tone,
        "Play three soft notes after asking. Refused in quiet hours and while something sounds or soon will.",
    )
    options.state_dir(command)
    options.sink(command)
    _add_language(command, environment)
    command.add_argument("--yes", action="store_true", help="do not ask")
    command.add_argument("--force", action="store_true", help="whatever it disturbs")


def _add_language(command: argparse.ArgumentParser, environment: Mapping[str, str]) -> None:
    command.add_argument(
        "--language", choices=LANGUAGES, default=language_of(environment), help="without, as LANG says"
    )


def _add_root(command: argparse.ArgumentParser) -> None:
    command.add_argument("--dry-run", action="store_true", help="print what would be done, change nothing")
    command.add_argument(
        "--root",
        type=Path,
        default=Path("/"),
        metavar="DIR",
        help="files of another system, as an image's",
    )


@contextmanager
def _saying_what_is_missing() -> Iterator[None]:
    """End with a word on what to do where the wheel that decodes clips came without its library."""
    try:
        yield
    except OSError as error:
        raise SystemExit(f"{error}; on Debian: apt install libsndfile1") from error


def _run(given: argparse.Namespace) -> int:
    with _saying_what_is_missing():
        from device_agent.commands import running  # noqa: PLC0415 - other commands need no sound and no numpy

    return running.run(
        given.credential,
        given.state_dir,
        given.sink,
        download_kbit_s=given.download_kbit_s,
        probe=given.probe,
        self_test_at=given.self_test_at,
        amplifier_pin=given.amplifier_pin,
        amplifier_lead_ms=given.amplifier_lead_ms,
        amplifier_hold_ms=given.amplifier_hold_ms,
    )


def _fleet(given: argparse.Namespace) -> int:
    with _saying_what_is_missing():
        from device_agent.commands import running  # noqa: PLC0415 - as for run

    return running.fleet(given.credentials, given.state_dir)


def _status(given: argparse.Namespace) -> int:
    from device_agent.commands import showing  # noqa: PLC0415 - `run` need not load it

    return showing.status(given.state_dir, as_json=given.json)


def _install(given: argparse.Namespace) -> int:
    from device_agent.commands import installing  # noqa: PLC0415 - `run` need not load it

    return installing.install(
        given.credential,
        given.sink,
        given.watchdog_s,
        python=given.python,
        tls_ca=given.tls_ca,
        controller_tls_ca=given.controller_tls_ca,
        root=given.root.absolute(),
        start=not given.no_start,
        dry_run=given.dry_run,
    )


def _uninstall(given: argparse.Namespace) -> int:
    from device_agent.commands import installing  # noqa: PLC0415 - `run` need not load it

    return installing.uninstall(root=given.root.absolute(), purge=given.purge, dry_run=given.dry_run)


def _doctor(given: argparse.Namespace) -> int:
    from device_agent.commands import doctor  # noqa: PLC0415 - `run` need not load it

    return doctor.doctor(
        given.credential, given.state_dir, given.sink, language=given.language, as_json=given.json
    )


def _test_tone(given: argparse.Namespace) -> int:
    from device_agent.commands import tone  # noqa: PLC0415 - `run` need not load it

    return tone.play_tone(
        given.state_dir,
        given.sink,
        language=given.language,
        sure=given.yes,
        force=given.force,
        ask=input if sys.stdin.isatty() else None,
    )


if __name__ == "__main__":
    sys.exit(main())
