"""How ``doctor`` looks at the box and its surroundings; each look ends within seconds and none raises."""

import os
import random
import socket
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

from urllib3.exceptions import HTTPError

from device_agent.clock import Clock
from device_agent.commands.cards import with_those_in_use
from device_agent.commands.findings import Answer, DiskFacts
from device_agent.http_pool import Source, new_pool, pin_of
from device_agent.probes.timekeeping import KernelClock, ask_kernel
from device_agent.probes.vouching import real_time_clocks
from device_agent.sinks.portaudio import portaudio
from wire.credential import GatewayCredential
from wire.mqtt import BrokerAddress, Connection

PATIENCE_S = 6.0
NO_CLIP = "0" * 64
_MEGABYTE = 2**20


def file_mode(path: Path) -> int:
    """Return the permissions of a file, 0 if it cannot be seen."""
    try:
        return path.stat().st_mode & 0o7777
    except OSError:
        return 0


def kernel_clock() -> KernelClock | None:
    """Return what the kernel says of the clock; None if it does not."""
    try:
        return ask_kernel()
    except OSError:
        return None


def has_battery_clock() -> bool:
    """Return whether a clock with a battery can be read."""
    return any(real_time_clocks(Path("/")))


def why_unreachable(host: str, port: int) -> str | None:
    """Try to reach a machine; return why not, None if it answers."""
    try:
        socket.create_connection((host, port), PATIENCE_S).close()
    except OSError as error:
        return str(error)
    return None


def ask_controller(credential: GatewayCredential, clock: Clock) -> Answer | str:
    """Ask for a clip that cannot exist; return the answer, or why there was none."""
    source = Source(credential.controller_url, credential.gateway_id, credential.secret)
    pool = new_pool(connect_s=PATIENCE_S, read_s=PATIENCE_S, pin=pin_of(credential))
    try:
        response = pool.request("GET", f"{source.controller_url}/media/{NO_CLIP}", headers=source.headers)
    except HTTPError as error:
        return str(error)
    finally:
        pool.clear()
    return Answer(response.status, _ahead_ms(response.headers.get("Date"), clock.now()))


def lets_in(credential: GatewayCredential) -> bool:
    """Log in at the broker as the gateway. Only while no agent runs: its session would be taken over.

    What waits there for the gateway is not acknowledged, so that it comes again to the agent.
    """
    connection = Connection(
        BrokerAddress(
            credential.broker_host,
            credential.broker_port,
            credential.gateway_id,
            credential.secret,
            tls_ca=None if credential.broker_tls_ca is None else Path(credential.broker_tls_ca),
        ),
        subscriptions=(),
        on_message=lambda _incoming: None,
        on_connected=lambda _present: None,
        on_lost=lambda: None,
        manual_ack=True,
        jitter=random.SystemRandom(),
    )
    connection.start()
    try:
        return connection.wait_connected(PATIENCE_S)
    finally:
        connection.stop()


def disk_facts(state_dir: Path) -> DiskFacts:
    """Look at the disk of the state directory."""
    try:
        told = os.statvfs(state_dir)
    except OSError:
        return DiskFacts(there=False, read_only=False, free_mb=0)
    return DiskFacts(
        there=True,
        read_only=bool(told.f_flag & os.ST_RDONLY),
        free_mb=told.f_bavail * told.f_frsize // _MEGABYTE,
    )


def why_no_clips() -> str | None:
    """Return why clips cannot be decoded here, None if they can."""
    try:
        import soundfile  # noqa: PLC0415 - for some processors its wheel has no libsndfile: the box may lack it
    except OSError as error:
        return str(error)
    return None if "OPUS" in soundfile.available_subtypes("OGG") else "libsndfile has no Opus"


def decodes_live() -> bool:
    """Return whether a live voice can be decoded here; to be asked only where clips can be."""
    from device_agent.live_decoding import CannotDecodeLive, load_libopus  # noqa: PLC0415 - as soundfile

    try:
        load_libopus()
    except CannotDecodeLive:
        return False
    return True


def outputs() -> list[str] | str:
    """Return the names of all devices that can play; a text says why that cannot be told."""
    try:
        devices = portaudio().query_devices()
        listed = [str(each["name"]) for each in devices if each["max_output_channels"] > 0]
    except (OSError, RuntimeError) as error:
        return str(error)
    return with_those_in_use(listed, Path("/"))


def _ahead_ms(date: str | None, now: datetime) -> int | None:
    if date is None:
        return None
    try:
        said = parsedate_to_datetime(date)
    except ValueError:
        return None
    aware = said if said.tzinfo is not None else said.replace(tzinfo=UTC)
    return round((aware - now).total_seconds() * 1000)
