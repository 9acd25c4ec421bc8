"""The controller's end of the wire, for tests of a gateway over a real broker."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from support.signing import ROUTINE, Pen, signed

from wire.envelope import SigningKey
from wire.messages import Down, Health, Plan, Report, State, decode_health, decode_reports, decode_state
from wire.mqtt import BrokerAddress, Connection, Incoming
from wire.topics import ALL_UP, down, live, parse
from wire.types import Event


def now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - real processes live in real time


class FarEnd:
    """Hears every gateway, keeps what they said, tells the time and receipts reports unless told not to."""

    def __init__(self, address: BrokerAddress, *, receipts: bool = True) -> None:
        self.receipts = receipts
        self.reports: dict[str, dict[tuple[str, int], Report]] = {}
        self.states: dict[str, list[State]] = {}
        self.health: dict[str, list[Health]] = {}
        self.pens: dict[str, Pen] = {}
        self._changed = threading.Condition()
        self._connection = Connection(
            address,
            subscriptions=ALL_UP,
            on_message=self._heard,
            on_connected=lambda _present: None,
            on_lost=lambda: None,
            session_expiry_s=0,
        )
        self._connection.start()
        assert self._connection.wait_connected(10)

    def pen(self, gateway_id: str) -> Pen:
        return self.pens.setdefault(gateway_id, Pen(gateway_id))

    def send(self, message: Down, channel: str = "order", key: SigningKey = ROUTINE) -> bytes:
        data = signed(message, key)
        self.send_raw(message.aud, channel, data, retain=isinstance(message, Plan))
        return data

    def send_raw(self, gateway_id: str, channel: str, data: bytes, *, retain: bool = False) -> None:
        self._connection.publish(down(gateway_id, channel), data, retain=retain)

    def speak(self, session: str, data: bytes) -> None:
        """Send one live packet."""
        self._connection.publish(live(session), data, qos=0)

    def said(self, gateway_id: str, *events: Event) -> list[Report]:
        held = self.reports.get(gateway_id, {})
        return [held[key] for key in sorted(held) if not events or held[key].event in events]

    def about(self, gateway_id: str, broadcast_id: str) -> list[Report]:
        return [report for report in self.said(gateway_id) if broadcast_id in report.broadcast_ids]

    def wait(self, seen: Callable[[], object], timeout_s: float = 15.0) -> None:
        deadline = time.monotonic() + timeout_s
        with self._changed:
            while not seen():
                remaining = deadline - time.monotonic()
                assert remaining > 0, f"not seen in {timeout_s} s; reports: {self.reports}"
                # A recording on disk tells nobody that it has grown.
                self._changed.wait(min(remaining, 0.2))

    def wait_for_events(
        self, gateway_id: str, broadcast_id: str, *events: Event, timeout_s: float = 15.0
    ) -> None:
        def seen() -> bool:
            said = {report.event for report in self.about(gateway_id, broadcast_id)}
            return said.issuperset(events)

        self.wait(seen, timeout_s)

    def wait_online(self, gateway_id: str, *, online: bool = True, timeout_s: float = 15.0) -> None:
        self.wait(
            lambda: bool(states := self.states.get(gateway_id)) and states[-1].online is online, timeout_s
        )

    def stop(self) -> None:
        self._connection.stop()

    def _met(self, gateway_id: str, state: State) -> None:
        """Tell a gateway that comes the time, as the controller does: it may not trust its clock."""
        before = self.states.setdefault(gateway_id, [])
        if state.online and all(state.boot != each.boot for each in before):
            self.send(self.pen(gateway_id).beat(now()), "beat")
        before.append(state)

    def _heard(self, incoming: Incoming) -> None:
        topic = parse(incoming.topic)
        with self._changed:
            match topic.channel:
                case "state":
                    self._met(topic.gateway_id, decode_state(incoming.payload))
                case "health":
                    self.health.setdefault(topic.gateway_id, []).append(decode_health(incoming.payload))
                case "report":
                    message = decode_reports(incoming.payload)
                    held = self.reports.setdefault(topic.gateway_id, {})
                    for report in message.reports:
                        held.setdefault((message.journal, report.n), report)
                    if self.receipts:
                        up_to = message.reports[-1].n
                        self.send(self.pen(topic.gateway_id).receipt(now(), message.journal, up_to))
            self._changed.notify_all()
