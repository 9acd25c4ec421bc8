"""A broker that speaks TLS, and gateways whose clock calls its certificate invalid (F17, ADR 10).

To a box in 1970 it is not valid yet, to one ten years ahead it is over. Each has pinned an authority.
"""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta

import pytest
from msgspec.structs import replace
from support.authority import authority
from support.broker import Broker, free_port, wait_for_port
from support.eventually import eventually
from support.far_end import FarEnd, now
from support.media import MediaServer, opus, warble
from support.pole import Pole
from support.signing import EMERGENCY, an_id, an_item
from support.wrong_clock import WrongClock

from controller import broker as configuration
from device_agent.journal import JOURNAL_FILE, SqliteJournal
from device_agent.journal.contract import Changes
from wire.credential import read_credential, write_credential
from wire.messages import ClipRef
from wire.mqtt import BrokerAddress
from wire.types import Event

pytestmark = [pytest.mark.slow]

YEAR = timedelta(days=365)
SECRET = "c" * 43
IN_1970, AHEAD, AT_A_STRANGERS, AT_AN_OLD_ONES = "31672-001", "31672-002", "31672-003", "31672-004"
SOUND_MS = 1_000
SECURE = """\
listener {port} 127.0.0.1
use_username_as_clientid true
certfile {1}
keyfile {2}
tls_version tlsv1.2
"""


@dataclass
class Site:
    """One broker: plain for the controller's end, with a certificate, and with one that is over."""

    far_end: FarEnd
    clip: ClipRef
    poles: dict[str, Pole]
    clocks: dict[str, WrongClock]

    def log(self, gateway_id: str) -> str:
        return (self.poles[gateway_id].directory / "agent.log").read_text()

    def refused_for(self, gateway_id: str, reason: str) -> Callable[[], bool]:
        def said() -> bool:
            lines = self.log(gateway_id).splitlines()
            return any("broker_tls_failed" in line and reason in line for line in lines)

        return said


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Start all of them at once; what each is about is in its own test."""
    directory = tmp_path_factory.mktemp("secured")
    valid, over = authority(directory, "valid"), authority(directory, "over", timedelta(hours=-1))
    stranger, _, _ = authority(directory, "valid-of-a-stranger")
    plain, secure, old = free_port(), free_port(), free_port()
    path = configuration.write_configuration(
        directory / "broker", host="127.0.0.1", port=plain, run_as="root"
    )
    with path.open("a") as conf:
        conf.writelines(SECURE.format(*made, port=port) for made, port in ((valid, secure), (over, old)))
    nobody = Broker(directory / "nobody")  # never started: it only makes the gateways' secrets
    with ExitStack() as ending:
        media = MediaServer()
        ending.callback(media.stop)
        poles: dict[str, Pole] = {}
        clocks: dict[str, WrongClock] = {}
        for gateway_id, ahead, port, ca in (
            (IN_1970, None, secure, valid[0]),
            (AHEAD, 10 * YEAR, secure, valid[0]),
            (AT_A_STRANGERS, None, secure, stranger),
            (AT_AN_OLD_ONES, None, old, over[0]),
        ):
            ahead_s = 10 - now().timestamp() if ahead is None else ahead.total_seconds()
            clock = clocks[gateway_id] = WrongClock(directory / f"{gateway_id}.clock", ahead_s)
            pole = poles[gateway_id] = Pole(
                directory / gateway_id, gateway_id, nobody, media.url, environment=clock.environment
            )
            media.passwords[gateway_id] = pole.secret
            credential = pole.directory / "credential.json"
            write_credential(
                replace(read_credential(credential), broker_port=port, broker_tls_ca=str(ca)), credential
            )
            _remember(pole, ago=YEAR if gateway_id == AT_AN_OLD_ONES else timedelta(hours=2))
        secrets = {each: pole.secret for each, pole in poles.items()}
        configuration.write_passwords(directory / "broker", secrets | {configuration.CONTROLLER_USER: SECRET})
        with (directory / "broker.log").open("wb") as log:
            process = subprocess.Popen(["mosquitto", "-c", str(path)], stdout=log, stderr=log)
        ending.callback(process.wait, 10)
        ending.callback(process.terminate)
        for port in (plain, secure, old):
            wait_for_port(port)
        far_end = FarEnd(BrokerAddress("127.0.0.1", plain, configuration.CONTROLLER_USER, SECRET))
        ending.callback(far_end.stop)
        for pole in poles.values():
            pole.start()
            ending.callback(pole.stop)
        yield Site(far_end, media.add(opus(warble(SOUND_MS)), SOUND_MS), poles, clocks)


def _remember(pole: Pole, *, ago: timedelta) -> None:
    """Let it have known the time once: its clock is not believed, whatever this machine's kernel says."""
    state = pole.directory / "state"
    state.mkdir()
    journal = SqliteJournal.create_or_open(state / JOURNAL_FILE, an_id)
    journal.commit(Changes(floor_at=now() - ago))
    journal.close()


@pytest.mark.parametrize("gateway_id", [IN_1970, AHEAD])
def test_an_emergency_sounds_over_tls_whatever_the_clock_says(site: Site, gateway_id: str) -> None:
    site.far_end.wait_online(gateway_id)
    boot = site.far_end.states[gateway_id][-1].boot
    item = an_item(now(), clips=(site.clip,), priority="emergency")
    site.far_end.send(site.far_end.pen(gateway_id).play(now(), item, boot=boot), "emergency", EMERGENCY)
    site.far_end.wait_for_events(gateway_id, item.broadcast_id, Event.PLAYED)
    (played,) = [
        each for each in site.far_end.about(gateway_id, item.broadcast_id) if each.event is Event.PLAYED
    ]
    assert played.started_at is not None
    assert abs(played.started_at - item.start_at) < timedelta(seconds=10)
    recording = site.clocks[gateway_id].put_right(site.poles[gateway_id].recording)
    assert abs(recording.runs[0].start_s - played.started_at.timestamp()) < 1
    assert all(state.online for state in site.far_end.states[gateway_id]), "it was right to trust it"


def test_a_certificate_that_is_over_is_refused_once_a_beat_has_told_the_time(site: Site) -> None:
    # It cannot know better until then: what it last knew is a year ago.
    eventually(site.refused_for(AT_AN_OLD_ONES, "expired"), 15, "refused")
    site.far_end.wait_online(AT_AN_OLD_ONES, online=False)
    site.far_end.wait(lambda: site.log(AT_AN_OLD_ONES).count("broker_tls_failed") >= 2)
    said = [state.online for state in site.far_end.states[AT_AN_OLD_ONES]]
    assert said[0]
    assert said.index(False) == len(said) - 1, "it came once, went once, and did not come again"


def test_an_authority_that_is_not_the_pinned_one_is_refused_whatever_the_clock_says(site: Site) -> None:
    eventually(site.refused_for(AT_A_STRANGERS, "certificate verify failed"), 15, "refused")
    assert AT_A_STRANGERS not in site.far_end.states
