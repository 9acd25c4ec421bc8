"""``doctor``: what is wrong with this gateway and what to do, for whoever stands under the pole."""

import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import structlog

from device_agent.clock import Clock
from device_agent.commands import findings, senses
from device_agent.commands.findings import Finding, Verdict
from device_agent.commands.unit import RUNTIME_DIR
from device_agent.commands.words import CHECKS, FOUND, TO_DO, VERDICTS, say
from device_agent.standing import Standing, read_standing
from wire.credential import GatewayCredential, read_credential
from wire.messages import WireError


def doctor(credential: Path, state_dir: Path, sink: str, *, language: str, as_json: bool = False) -> int:
    """Check everything and print it; return 1 if something is wrong.

    Args:
        credential: The gateway's.
        state_dir: Where its journal and clips are.
        sink: Where its sound goes.
        language: ``vi`` or ``en``.
        as_json: Print it for programs instead.
    """
    with _quiet_log():
        found = list(examine(credential, state_dir, sink, Clock()))
    if as_json:
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in report(found, language))
    return 1 if any(each.verdict is Verdict.WRONG for each in found) else 0


def examine(credential: Path, state_dir: Path, sink: str, clock: Clock) -> Iterator[Finding]:
    """Yield a finding for each check. It looks only: nothing sounds, and a running agent is not disturbed."""
    held: GatewayCredential | None = None
    problem = None
    try:
        held = read_credential(credential)
    except WireError as error:
        problem = str(error)
    yield findings.credential(problem, "" if held is None else held.gateway_id, senses.file_mode(credential))
    standing = read_standing((RUNTIME_DIR, state_dir))
    yield findings.agent(standing, clock.now())
    answer = None if held is None else senses.ask_controller(held, clock)
    yield findings.clock(
        senses.kernel_clock(),
        None if isinstance(answer, str) else answer,
        standing,
        has_battery=senses.has_battery_clock(),
    )
    if held is not None and answer is not None:
        yield from _surroundings(held, standing, answer)
    yield findings.disk(senses.disk_facts(state_dir))
    no_clips = senses.why_no_clips()
    yield findings.decoding(no_clips, live=no_clips is None and senses.decodes_live())
    yield findings.audio(sink, [] if sink.startswith("file:") else senses.outputs())


def report(found: Sequence[Finding], language: str) -> Iterator[str]:
    """Yield lines for a person."""
    for each in found:
        verdict, check = say(VERDICTS[each.verdict], language), say(CHECKS[each.check], language)
        yield f"{verdict:8} {check}: {say(FOUND[each.found], language, **each.facts)}"
        if each.verdict is Verdict.WRONG:
            yield f"{'':8} → {say(TO_DO[each.found], language, **each.facts)}"


def _surroundings(
    held: GatewayCredential, standing: Standing | None, answer: findings.Answer | str
) -> Iterator[Finding]:
    unreachable = senses.why_unreachable(held.broker_host, held.broker_port)
    yield findings.network(unreachable, held.broker_host)
    tried = standing is None and unreachable is None
    yield findings.broker(
        standing, reachable=unreachable is None, let_in=senses.lets_in(held) if tried else None
    )
    yield findings.controller(answer)


@contextmanager
def _quiet_log() -> Iterator[None]:
    """Keep the connection's own log from standing between the findings."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before)
