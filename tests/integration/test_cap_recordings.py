"""An alert's own recording is played where it is surely its sender's; else its text is spoken, and why."""

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sqlmodel import Session
from support.alerts import Signer, alert_xml, info_xml, recording_xml
from support.media import murmur, opus
from support.office import Office
from support.watch import ALERT, Watch

from audio.limits import Limits as SoundLimits
from audio.store import ClipStore
from controller.cap.intake import Bringer
from controller.cap.models import FeedKind
from controller.cap.outbound import Limits
from controller.cap.recordings import MOST_BYTES, RecordingUnused, Unused
from controller.cap.studio import Studio, studio
from controller.cap.words import LONGEST_MS
from controller.clips.preparation import Preparations
from controller.db import writing
from controller.tables import Clip

pytestmark = pytest.mark.parametrize("migrated", ["sqlite"], indirect=True)

SOUND = b"sound 20"
KHMER = "ព្យុះខ្លាំង"
ELSEWHERE = "https://kttv.example/storm.mp3"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def watch(office: Office) -> Watch:
    office.births()
    office.step()
    return Watch(office)


def clips(watch: Watch, identifier: str = "KTTV-1") -> list[str]:
    (emergency,) = watch.emergencies(identifier)
    return [each["sha256"] for each in emergency.clips]


def test_khmer_is_heard_by_the_recording_that_the_alert_brings(watch: Watch) -> None:
    khmer = info_xml(language="km", headline=KHMER, resources=recording_xml(SOUND))
    watch.take(watch.feed(), alert_xml(infos=info_xml() + khmer))
    assert [each.language for each in watch.spoken] == ["vi"]
    assert clips(watch) == [sha256(watch.spoken[0].text.encode()), sha256(SOUND)]
    row = watch.row("KTTV-1")
    assert (row.recordings, row.unspoken) == ({"km": "used"}, [])
    assert KHMER in watch.emergencies("KTTV-1")[0].text, "what is heard can be read as well"
    assert len(watch.played()) == 4


def test_an_alert_in_khmer_alone_sounds_by_its_recording(watch: Watch) -> None:
    watch.take(watch.feed(), alert_xml(language="km", resources=recording_xml(SOUND)))
    assert watch.standing() == {"KTTV-1": ("in_force", None)}
    assert watch.spoken == []


def test_a_recording_is_preferred_to_a_voice(watch: Watch) -> None:
    watch.take(watch.feed(), alert_xml(resources=recording_xml(SOUND)))
    assert (clips(watch), watch.spoken) == ([sha256(SOUND)], [])


@pytest.mark.parametrize(
    ("resources", "reason"),
    [
        (recording_xml(SOUND, digest=None), Unused.NO_DIGEST),
        (recording_xml(SOUND, digest="0" * 40), Unused.OTHER_DIGEST),
        (recording_xml(SOUND, digest="no digest at all"), Unused.OTHER_DIGEST),
        (recording_xml(SOUND, digest=hashlib.sha256(SOUND).hexdigest()), Unused.OTHER_DIGEST),
        (recording_xml(SOUND, size=str(MOST_BYTES + 1)), Unused.TOO_LARGE),
        (recording_xml(SOUND, size="9" * 5000), Unused.TOO_LARGE),
        (recording_xml(b"sound 121"), Unused.TOO_LONG),
        (recording_xml(b"#EXTM3U"), Unused.NO_SOUND),
        (recording_xml(SOUND).replace("<derefUri>", "<derefUri>%"), Unused.NOT_THERE),
        (recording_xml(SOUND, uri=ELSEWHERE), Unused.NOT_THERE),
        (recording_xml(SOUND).replace("derefUri", "uri"), Unused.NOT_THERE),
    ],
)
def test_otherwise_the_text_is_spoken_and_the_draft_says_why(
    watch: Watch, resources: str, reason: Unused
) -> None:
    watch.take(watch.feed(auto_level=None), alert_xml(resources=resources))
    assert watch.row("KTTV-1").recordings == {"vi": reason}
    assert clips(watch) == [sha256(watch.spoken[0].text.encode())]
    assert watch.audited("draft_cap")[0].detail["recordings"] == {"vi": reason}


def test_khmer_without_a_recording_that_may_be_played_asks_for_a_person_and_says_why(watch: Watch) -> None:
    watch.take(watch.feed(), alert_xml(language="km", resources=recording_xml(SOUND, digest=None)))
    assert watch.standing() == {"KTTV-1": ("in_force", "no_voice")}
    assert watch.row("KTTV-1").recordings == {"km": "no_digest"}


def test_digests_are_read_in_both_ways_that_senders_write_them(watch: Watch) -> None:
    digest = hashlib.sha1(SOUND, usedforsecurity=False).digest()
    for number, written in enumerate((digest.hex().upper(), base64.b64encode(digest).decode())):
        resources = recording_xml(SOUND, digest=written)
        watch.take(watch.feed(f"feed {number}"), alert_xml(f"KTTV-{number}", resources=resources))
        assert watch.row(f"KTTV-{number}").recordings == {"vi": "used"}


def test_of_several_forms_the_first_that_can_be_played_is(watch: Watch) -> None:
    picture = recording_xml(b"sound 5", mime_type="image/png")
    resources = picture + recording_xml(b"midi") + recording_xml(SOUND, mime_type="Audio/WAV")
    watch.take(watch.feed(), alert_xml(resources=resources))
    assert clips(watch) == [sha256(SOUND)]


def test_two_infos_in_one_language_need_two_recordings_within_two_minutes(watch: Watch) -> None:
    feed, first = watch.feed(), recording_xml(b"sound 60")
    for identifier, resources, expected in (
        ("BOTH", (first, recording_xml(b"sound 59")), "used"),
        ("ONE", (first, ""), "incomplete"),
        ("LONG", (first, recording_xml(b"sound 61")), "too_long"),
    ):
        infos = [info_xml(event=event, resources=each) for event, each in zip("AB", resources, strict=True)]
        watch.take(feed, alert_xml(identifier, infos="".join(infos)))
        assert watch.row(identifier).recordings == {"vi": expected}
    assert clips(watch, "BOTH") == [sha256(b"sound 60"), sha256(b"sound 59")]


def test_no_more_than_a_few_recordings_of_one_alert_are_looked_at(watch: Watch) -> None:
    infos = [info_xml(event=f"E{n}", resources=recording_xml(b"sound %d" % n)) for n in range(1, 9)]
    watch.take(watch.feed(), alert_xml(infos="".join(infos)))
    assert watch.row("KTTV-1").recordings == {"vi": "too_many"}


def test_a_recording_of_an_alert_that_anyone_could_have_sent_is_not_played(watch: Watch) -> None:
    recorded = alert_xml(resources=recording_xml(SOUND, uri=ELSEWHERE) + recording_xml(SOUND))
    signed_only = watch.feed(certificate_pem=Signer.make().pem, hosts=["kttv.example"])
    watch.take(signed_only, recorded)
    assert watch.row("KTTV-1").recordings == {"vi": "unproven"}
    with Session(watch.office.engine) as session, session.begin():
        writing(session)
        brought = alert_xml("KTTV-2", resources=recording_xml(SOUND))
        watch.desk.take_in(session, Bringer(watch.office.commune.id), brought)
    watch.step()
    assert watch.row("KTTV-2").recordings == {"vi": "unproven"}
    assert watch.fetched == [], "nobody is asked for it either"


def test_a_recording_elsewhere_is_fetched_as_the_feed_may_be(watch: Watch) -> None:
    watch.web[ELSEWHERE] = SOUND
    feed = watch.feed(
        kind=FeedKind.HTTP,
        url="https://kttv.example/feed",
        hosts=["cdn.example"],
        archive_url="https://archive.example/{identifier}",
    )
    watch.take(feed, alert_xml(resources=recording_xml(SOUND, uri=ELSEWHERE)))
    hosts = frozenset({"kttv.example", "cdn.example", "archive.example"})
    assert watch.fetched == [(ELSEWHERE, Limits("https", hosts))]
    assert clips(watch) == [sha256(SOUND)]


def test_only_a_plain_feed_may_name_a_recording_that_is_fetched_plainly(watch: Watch) -> None:
    signer = Signer.make()
    feed = watch.feed(
        kind=FeedKind.HTTP, url="http://kttv.example/feed", certificate_pem=signer.pem, private_allowed=True
    )
    watch.take(feed, signer.sign(alert_xml(resources=recording_xml(SOUND, uri=ELSEWHERE))))
    watch.take(watch.feed("push"), alert_xml("KTTV-2", resources=recording_xml(SOUND, uri=ELSEWHERE)))
    assert [limits for _, limits in watch.fetched] == [
        Limits("http", frozenset({"kttv.example"}), private_allowed=True),
        Limits("https", frozenset()),
    ]


def test_a_proof_that_comes_later_lets_the_recording_be_played(watch: Watch) -> None:
    signer = Signer.make()
    recorded = alert_xml(resources=recording_xml(SOUND))
    feed = watch.feed(certificate_pem=signer.pem)
    watch.take(feed, recorded)
    watch.take(feed, signer.sign(recorded))
    assert (watch.row("KTTV-1").recordings, clips(watch)) == ({"vi": "used"}, [sha256(SOUND)])


@pytest.fixture
def real(office: Office, tmp_path: Path) -> Iterator[Studio]:
    """The voices and the decoder as they are."""
    preparations = Preparations(
        engine=office.engine,
        clock=office.clock,
        store=ClipStore(tmp_path / "clips"),
        scratch=tmp_path / "scratch",
        limits=SoundLimits(),
    )
    yield studio(office.engine, preparations)
    preparations.stop()


def test_a_real_recording_becomes_a_clip_and_what_is_none_or_too_long_does_not(
    real: Studio, office: Office
) -> None:
    clip = real.keep(opus(murmur(2_000)))
    assert abs(clip.duration_ms - 2_000) < 100
    with Session(office.engine) as session:
        assert session.get_one(Clip, clip.sha256).prepared_by is None
    endless = opus(np.tile(murmur(1_000), LONGEST_MS // 1_000 + 3), bit_rate=6_000)
    for content, reason in (
        (b"#EXTM3U\nhttp://127.0.0.1/", Unused.NO_SOUND),
        (b"", Unused.NO_SOUND),
        (ALERT, Unused.NO_SOUND),
        (opus(np.zeros(48_000, np.float32)), Unused.NO_SOUND),
        (endless, Unused.TOO_LONG),
    ):
        with pytest.raises(RecordingUnused) as unused:
            real.keep(content)
        assert unused.value.reason is reason
