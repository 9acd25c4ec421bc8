"""``install`` and ``uninstall``: a gateway as a service of Debian or Raspberry Pi OS.

What is to be done is a list of steps, made by pure functions; with ``--dry-run`` the list is all.
"""

import grp
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from device_agent.clock import Clock
from device_agent.commands.authorities import (
    BROKER_CA_FILE,
    CONTROLLER_CA_FILE,
    Authorities,
    read_authority,
)
from device_agent.commands.cards import own_sink
from device_agent.commands.options import SETTINGS_FILE, settings_of_this_box
from device_agent.commands.steps import (
    CannotDo,
    Execute,
    RemoveFile,
    RemoveTree,
    RunProgram,
    Step,
    WriteFile,
    below,
    carry_out,
    describe,
    execute_for_real,
)
from device_agent.commands.unit import SERVICE, STATE_DIR, UNIT_FILE, USER, UnitFacts, unit
from device_agent.sinks.choice import UnknownSink, sink_opener
from wire.credential import GatewayCredential, credential_json, read_credential
from wire.messages import WireError

CREDENTIAL_FILE = SETTINGS_FILE.with_name("gateway.json")
SYSUSERS_FILE = Path("/etc/sysusers.d/loacast-agent.conf")
WANTED_GROUPS = ("audio", "gpio", "video")
"""Of the sound card, of the amplifier's pin, of a Raspberry Pi's firmware; those that the box has."""

HIDDEN_FROM_SERVICES = (Path("/home"), Path("/root"), Path("/tmp"), Path("/var/tmp"))  # noqa: S108
SINK = "LOACAST_AGENT_SINK"
FEWEST_WATCHDOG_S = 10


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for on the command line."""

    credential: GatewayCredential
    authorities: Authorities
    settings: Mapping[str, str]
    """All that is to stand in the settings file."""
    watchdog_s: int
    python: Path
    groups: tuple[str, ...]
    start: bool = True


def steps_to_install(wish: Wish, root: Path) -> list[Step]:
    """Return what makes a box a gateway; doing it again changes nothing.

    Raises:
        CannotDo: It could not work.
    """
    _check(wish)
    facts = UnitFacts(wish.python, CREDENTIAL_FILE, SETTINGS_FILE, wish.watchdog_s, wish.groups)
    steps: list[Step] = [
        WriteFile(SYSUSERS_FILE, f'u {USER} - "LoaCast gateway" {STATE_DIR}\n'.encode(), 0o644),
        RunProgram(("systemd-sysusers", *_in(root), str(SYSUSERS_FILE.name))),
    ]
    held = credential_json(wish.authorities.named_in(wish.credential))
    steps += [
        *wish.authorities.files(),
        WriteFile(CREDENTIAL_FILE, held, 0o600, secret=True),
        WriteFile(SETTINGS_FILE, _settings_file(wish.settings).encode(), 0o644),
        WriteFile(UNIT_FILE, unit(facts).encode(), 0o644),
        RunProgram(("systemctl", *_in(root), "enable", SERVICE)),
    ]
    if root == Path("/"):
        steps.append(RunProgram(("systemctl", "daemon-reload")))
        if wish.start:
            steps.append(RunProgram(("systemctl", "restart", SERVICE)))
    return steps


def steps_to_uninstall(root: Path, *, purge: bool) -> list[Step]:
    """Return what takes the service away; journal, clips, credential and user stay unless `purge`."""
    steps: list[Step] = []
    if below(root, UNIT_FILE).exists():
        if root == Path("/"):
            steps.append(RunProgram(("systemctl", "stop", SERVICE)))
        steps.append(RunProgram(("systemctl", *_in(root), "disable", SERVICE)))
    steps.append(RemoveFile(UNIT_FILE))
    if purge:
        files = (CREDENTIAL_FILE, BROKER_CA_FILE, CONTROLLER_CA_FILE, SETTINGS_FILE, SYSUSERS_FILE)
        steps += [RemoveTree(STATE_DIR), *map(RemoveFile, files)]
    if root == Path("/"):
        steps.append(RunProgram(("systemctl", "daemon-reload")))
    return steps


def groups_of_this_box() -> tuple[str, ...]:
    """Return those of `WANTED_GROUPS` that exist here."""
    here = {group.gr_name for group in grp.getgrall()}
    return tuple(name for name in WANTED_GROUPS if name in here)


def install(
    credential: str | None,
    sink: str | None,
    watchdog_s: int,
    *,
    python: Path,
    tls_ca: Path | None = None,
    controller_tls_ca: Path | None = None,
    root: Path = Path("/"),
    start: bool = True,
    dry_run: bool = False,
    execute: Execute = execute_for_real,
) -> int:
    """Install, or say what would be done; return the exit code.

    Args:
        credential: A file, ``-`` for standard input, None to keep the one that is there.
        sink: Where sound goes; None keeps what is set, at first `own_sink`.
        watchdog_s: After how long without a sign of life it is started again.
        python: Interpreter of the agent's virtual environment; not in anybody's home.
        tls_ca: Certificate of the authority behind the broker's; copied, and named in the credential.
        controller_tls_ca: The same behind the controller's.
        root: The system to install into; another than ``/`` is prepared only, nothing is started.
        start: Whether to start it now.
        dry_run: Print what would be done and change nothing.
        execute: Runs the system's programs.
    """
    try:
        authorities = Authorities(read_authority(tls_ca), read_authority(controller_tls_ca))
        held = _read(credential, root)
        authorities.check_that_none_is_missing(held, root)
        wish = Wish(
            credential=held,
            authorities=authorities,
            settings=_settings(settings_of_this_box(below(root, SETTINGS_FILE)), sink, own_sink(root)),
            watchdog_s=watchdog_s,
            python=python,
            groups=groups_of_this_box(),
            start=start,
        )
        _do(steps_to_install(wish, root), root, execute, dry_run=dry_run)
    except (CannotDo, WireError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if not dry_run and credential not in {None, "-"}:
        sys.stdout.write(f"Now delete {credential}: its secret is in {CREDENTIAL_FILE}.\n")
    return 0


def uninstall(
    *, root: Path = Path("/"), purge: bool = False, dry_run: bool = False, execute: Execute = execute_for_real
) -> int:
    """Take the service away, or say what would be done; return the exit code."""
    try:
        _do(steps_to_uninstall(root, purge=purge), root, execute, dry_run=dry_run)
    except CannotDo as error:
        sys.stderr.write(f"{error}\n")
        return 1
    if not purge:
        sys.stdout.write(f"Kept: {STATE_DIR} and {CREDENTIAL_FILE}; --purge takes them too.\n")
    return 0


def _do(steps: Iterable[Step], root: Path, execute: Execute, *, dry_run: bool) -> None:
    for step in steps:
        told = describe(step) if dry_run else carry_out(step, root, execute)
        sys.stdout.write(f"{told}\n")


def _check(wish: Wish) -> None:
    places = (wish.python, wish.python.resolve())
    hidden = [place for place in HIDDEN_FROM_SERVICES if any(each.is_relative_to(place) for each in places)]
    if hidden:
        raise CannotDo(
            f"{wish.python} lies in {hidden[0]}, which the service cannot see; "
            "make its virtual environment in /opt/loacast-agent"
        )
    if wish.watchdog_s < FEWEST_WATCHDOG_S:
        raise CannotDo(f"a watchdog of less than {FEWEST_WATCHDOG_S} s would bite a box that is merely busy")
    try:
        sink_opener(wish.settings[SINK], Clock())
    except UnknownSink as error:
        raise CannotDo(str(error)) from error


def _settings(held: Mapping[str, str], sink: str | None, at_first: str) -> dict[str, str]:
    """Return the settings with ours among them; what somebody has set besides stays."""
    return {
        **held,
        "LOACAST_AGENT_CREDENTIAL": str(CREDENTIAL_FILE),
        "LOACAST_AGENT_STATE_DIR": str(STATE_DIR),
        SINK: sink or held.get(SINK, at_first),
    }


def _settings_file(settings: Mapping[str, str]) -> str:
    lines = "".join(f"{name}={value}\n" for name, value in settings.items())
    return f"# Settings of the LoaCast gateway, read by its service and by its commands.\n{lines}"


def _read(credential: str | None, root: Path) -> GatewayCredential:
    if credential is not None:
        return read_credential(Path("/dev/stdin") if credential == "-" else Path(credential))
    kept = below(root, CREDENTIAL_FILE)
    if not kept.exists():
        raise CannotDo(
            "this box is not enrolled yet: --credential FILE, or - for standard input, "
            "with what `python -m controller gateway add` wrote"
        )
    return read_credential(kept)


def _in(root: Path) -> tuple[str, ...]:
    return () if root == Path("/") else (f"--root={root}",)
