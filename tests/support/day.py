"""A commune's day: broadcasts whose fates the gateways reported, through the same intake as in earnest."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select
from support.commune import ZONE, Commune
from support.voices import MEETING, speech

from audio.prepare import prepare
from audio.store import ClipStore
from audio.timeline import PrepareSpec
from controller.broadcasts import service as broadcasts
from controller.broadcasts.audience import Audience
from controller.broadcasts.delivery import DeliveryState
from controller.broadcasts.models import Broadcast, Delivery
from controller.broadcasts.playing import Playing
from controller.bulletins.categories import Category
from controller.bulletins.models import Source
from controller.bulletins.service import NewBulletin, write
from controller.clips.models import Clip
from controller.columns import new_id
from controller.db import writing
from controller.gateways.models import Gateway, GatewayState
from controller.outbox.intake import Intake
from controller.programme import service as programme
from controller.settings import Settings
from wire import topics
from wire.messages import Health, Report, Reports, State, encode
from wire.mqtt import Incoming
from wire.types import Event, Fault, Mode, Priority, Rejection, SelfTest, Sound


class Voice:
    """Speaks for a gateway: numbered reports of one journal, as its agent would send them."""

    def __init__(self, session: Session, gateway_id: str) -> None:
        self._session = session
        self._gateway_id = gateway_id
        self._journal, self._boot = new_id(), new_id()
        self._n = 0

    def is_born(self, at: datetime) -> None:
        self._say("state", encode(State(online=True, boot=self._boot, at=at, agent_version="0.1.0")), at)

    def dies(self, at: datetime) -> None:
        self._say("state", encode(State(online=False, boot=self._boot)), at)

    def is_well(self, at: datetime, **figures: Any) -> None:
        self._say("health", encode(Health(at=at, boot=self._boot, **figures)), at)

    def reports(self, event: Event, broadcast_id: str | None, at: datetime, **facts: Any) -> None:
        self._n += 1
        about = (broadcast_id,) if broadcast_id else ()
        report = Report(n=self._n, at=at, event=event, broadcast_ids=about, **facts)
        message = Reports(journal=self._journal, boot=self._boot, oldest=1, reports=(report,))
        self._say("report", encode(message), at)

    def _say(self, channel: str, payload: bytes, at: datetime) -> None:
        incoming = Incoming(
            f"{topics.PREFIX}/g/{self._gateway_id}/up/{channel}",
            payload,
            qos=1,
            retained=False,
            redelivered=False,
        )
        Intake(self._session, at).take([incoming])


@dataclass(frozen=True, slots=True)
class Day:
    """What `live_a_day` left behind: broadcasts by what became of them, and a clip to play again."""

    played: str
    mixed: str
    failed: str
    playing: str
    coming: str
    schedule_id: str
    clip_sha256: str


def live_a_day(engine: Engine, settings: Settings, commune: Commune, now: datetime) -> Day:
    """Let the commune's day be under way: something of every kind of ending, one on air, more to come."""
    with Session(engine) as session, session.begin():
        writing(session)
        clip = _clip(session, settings, now)
        voices = {each: Voice(session, each) for each in session.exec(select(Gateway.id)).all()}
        _come_and_go(voices, commune.gateway_ids, now)
        _say_how_they_are(voices, commune.gateway_ids, now)
        newsroom = _Newsroom(session, commune, clip)
        ids = commune.gateway_ids
        played = newsroom.play("Nhắc lịch tiêm chủng cho trẻ em", ids[:4], now - timedelta(hours=3))
        for gateway_id in ids[:4]:
            _plays(voices[gateway_id], played, played.duration_ms)
        mixed = newsroom.play(
            "Thông báo cúp điện từ 7 giờ đến 15 giờ",
            ids,
            now - timedelta(hours=2),
            priority=Priority.PRIORITY,
        )
        for gateway_id, sound in zip(ids, (*Sound, None, Sound.CONFIRMED), strict=False):
            _plays(voices[gateway_id], mixed, mixed.duration_ms, sound=sound)
        _plays(voices[ids[5]], mixed, 3100, event=Event.PARTIAL, reason="restarted")
        at = mixed.start_at + timedelta(minutes=3)
        voices[ids[7]].reports(Event.MISSED, mixed.id, at, reason="clip_missing")
        _never_heard_of(session, mixed, ids[6], now - timedelta(hours=1))
        failed = newsroom.play(
            "Thử loa ấp Bờ Sông",
            ids[7:],
            now - timedelta(hours=1),
            mode=Mode.TEST,
            category=Category.SECURITY,
        )
        voices[ids[7]].reports(Event.FAILED, failed.id, failed.start_at, reason="sound_device")
        playing = newsroom.play("Mời họp dân ấp Ngan Rô", ids[2:5], now - timedelta(seconds=4))
        for gateway_id in ids[2:4]:
            voices[gateway_id].reports(
                Event.PLAYING, playing.id, playing.start_at, started_at=playing.start_at
            )
        voices[ids[1]].reports(
            Event.REJECTED, None, now - timedelta(minutes=20), reason=Rejection.BAD_SIGNATURE.value
        )
        at = now - timedelta(minutes=50)
        voices[ids[4]].reports(Event.FAULT, None, at, reason=Fault.SELF_TEST)
        voices[ids[4]].reports(Event.FAULT_OVER, None, at + timedelta(minutes=5), reason=Fault.SELF_TEST)
        voices[ids[4]].reports(Event.FAULT, None, now, reason=Fault.SOUND_WHILE_IDLE)
        schedule, coming = newsroom.schedule("Chương trình của xã", now)
        _confirm_plans(session, now)
        return Day(played.id, mixed.id, failed.id, playing.id, coming, schedule, clip.sha256)


class _Newsroom:
    """Orders broadcasts as the officer of the commune."""

    def __init__(self, session: Session, commune: Commune, clip: Clip) -> None:
        self._session = session
        self._commune = commune
        self._clip = clip

    def play(self, title: str, gateway_ids: Sequence[str], at: datetime, **how: Any) -> Broadcast:
        category = how.pop("category", Category.NOTICE)
        playing = self._playing(title, Audience((), tuple(gateway_ids)), at, category, **how)
        broadcast = broadcasts.play_now(
            self._session,
            self._commune.officer,
            playing,
            now=at,
            rules=Settings(quiet_hours="").rules,
            limit_ms=120_000,
        )
        for delivery in self._deliveries(broadcast.id):
            delivery.state, delivery.sent_at = DeliveryState.SENT, at
        self._session.flush()
        return broadcast

    def schedule(self, title: str, now: datetime) -> tuple[str, str]:
        audience = Audience((self._commune.areas["Địa bàn đài Đại Ân 2"],), ())
        playing = self._playing(title, audience, now, Category.POLITICS)
        today = now.astimezone(ZONE).date()
        schedule = programme.create(
            self._session,
            self._commune.officer,
            programme.Wanted(
                playing,
                {
                    "dtstart": f"{today}T17:00:00",
                    "rrule": "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR,SA,SU",
                    "times": ["05:30", "11:15", "17:00"],
                    "zone": ZONE.key,
                },
            ),
            now=now,
            horizon=timedelta(days=8),
            rules=Settings(quiet_hours="").rules,
        )
        first = self._session.exec(
            select(Broadcast.id)
            .where(Broadcast.schedule_id == schedule.id)
            .order_by(col(Broadcast.start_at))
            .limit(1)
        ).one()
        return schedule.id, first

    def _playing(
        self, title: str, audience: Audience, at: datetime, category: Category, **how: Any
    ) -> Playing:
        bulletin = write(
            self._session,
            self._commune.officer,
            NewBulletin(title, self._clip.sha256, Source.SPEECH, text=MEETING, category=category),
            now=at,
        )
        return Playing(bulletin=bulletin, clip=self._clip, title=title, audience=audience, **how)

    def _deliveries(self, broadcast_id: str) -> Sequence[Delivery]:
        return self._session.exec(select(Delivery).where(Delivery.broadcast_id == broadcast_id)).all()


def _plays(
    voice: Voice,
    broadcast: Broadcast,
    played_ms: int,
    event: Event = Event.PLAYED,
    reason: str | None = None,
    *,
    sound: Sound | None = None,
) -> None:
    started_at = broadcast.start_at + timedelta(milliseconds=80)
    voice.reports(Event.PLAYING, broadcast.id, started_at, started_at=started_at)
    voice.reports(
        event,
        broadcast.id,
        started_at + timedelta(milliseconds=played_ms),
        reason=reason,
        started_at=started_at,
        played_ms=played_ms,
        expected_ms=broadcast.duration_ms,
        underruns=0,
        peak_db=-1.8,
        rms_db=-18.3,
        sound=sound,
    )


def _never_heard_of(session: Session, broadcast: Broadcast, gateway_id: str, at: datetime) -> None:
    """As the sweep leaves a delivery whose deadline has passed."""
    delivery = session.exec(
        select(Delivery).where(Delivery.broadcast_id == broadcast.id, Delivery.gateway_id == gateway_id)
    ).one()
    delivery.state, delivery.reason, delivery.settled_at = DeliveryState.UNKNOWN, "no_word", at


def _come_and_go(voices: dict[str, Voice], gateway_ids: list[str], now: datetime) -> None:
    """Nearly all have been there for a month; one went nine days ago, one was never seen."""
    for gateway_id, voice in voices.items():
        if gateway_id == "31679-002":
            continue
        voice.is_born(now - timedelta(days=28))
        if gateway_id == gateway_ids[4]:
            for days in (20, 12, 3):
                voice.dies(now - timedelta(days=days))
                voice.is_born(now - timedelta(days=days - 1))
        if gateway_id == gateway_ids[6]:
            voice.dies(now - timedelta(days=9))


def _confirm_plans(session: Session, now: datetime) -> None:
    session.expire_all()
    for state in session.exec(select(GatewayState)).all():
        if state.online:
            state.plan_built = state.plan_wanted
            state.plan_version = state.plan_confirmed = 3
            state.plan_sent_at = now - timedelta(hours=1)


_ON_BATTERY: dict[str, Any] = {
    "power": "battery",
    "battery_percent": 18,
    "under_voltage": False,
    "under_voltage_before": True,
    "clock_synchronised": True,
    "unreadable": ("temperature",),
    "last_error": "clip 1a2b3c: broke off",
    "temperature_c": None,
}


def _say_how_they_are(voices: dict[str, Voice], gateway_ids: list[str], now: datetime) -> None:
    for number, gateway_id in enumerate(gateway_ids):
        if gateway_id == gateway_ids[6]:
            continue
        figures: dict[str, Any] = {"temperature_c": None if number == 0 else 48.5 + number * 4}
        voices[gateway_id].is_well(
            now - timedelta(seconds=20 + number),
            **figures | (_ON_BATTERY if number == 4 else {}),
            signal_percent=None if number % 2 else 72,
            disk_free_bytes=6_400_000_000,
            memory_free_bytes=310_000_000,
            load_1m=0.24,
            clock_offset_ms=12,
            volume_percent=80,
            output_peak_db=-1.8,
            self_test=SelfTest.HEARD if number % 3 else SelfTest.NOT_HEARD,
            self_test_at=now - timedelta(hours=9),
            idle_noise_db=-71.2 if number % 2 else None,
            underruns=0,
        )


def _clip(session: Session, settings: Settings, now: datetime) -> Clip:
    with TemporaryDirectory() as name:
        directory = Path(name)
        spoken = speech(directory / "speech.wav")
        prepared = prepare(spoken, PrepareSpec(opening_chime=True), directory)
        stored = ClipStore(settings.data_dir / "clips").put(prepared.path)
    clip = Clip(
        sha256=stored.sha256,
        size_bytes=stored.size_bytes,
        duration_ms=prepared.duration_ms,
        loudness_lufs=prepared.loudness_lufs,
        true_peak_dbtp=prepared.true_peak_dbtp,
        prepared_at=now,
    )
    session.add(clip)
    session.flush()
    return clip
