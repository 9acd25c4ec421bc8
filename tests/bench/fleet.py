"""Thousands of simulated gateways in one process, on a sans-I/O MQTT 5 codec.

Each verifies every message as a gateway does (signature, audience, expiry), receipts and beats too, and
answers an order as the agent does: PUBACK, then a report ``received``. None has a disk, fetches a clip or
makes a sound: what is measured is the way out and back. Talks to its parent in JSON lines: a description on
stdin, then events on stdout.
"""

import asyncio
import json
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from typing import Any, cast

import mqtt5
import uvloop

from controller.columns import new_id
from wire import topics
from wire.envelope import PublicKey, Rejected, Scope, Verifier
from wire.messages import (
    Play,
    Receipt,
    Report,
    Reports,
    Resync,
    State,
    WireError,
    decode_to_gateway,
    encode,
)
from wire.types import Event

STORM = 100
"""Connections being made at once; the broker's listen backlog is 100."""
KEEPALIVE_S = 120


class Fleet:
    """What all gateways share: keys, and the count of what they received."""

    def __init__(self, keys: tuple[PublicKey, ...]) -> None:
        self.verifier = Verifier(keys)
        self.orders: Counter[str] = Counter()
        self.unreceipted: set[str] = set()
        self.answers = 0
        self.refused = 0
        self.wanted = 0

    def received(self, order_id: str) -> None:
        """Note one order at one gateway, and tell the parent when it was the last."""
        self.orders[order_id] += 1
        if self.orders[order_id] == self.wanted:
            tell(event="received", order_id=order_id, at=time.monotonic())

    def answered(self, gateway_id: str) -> None:
        """Note that a gateway has said something and waits for the receipt."""
        self.answers += 1
        self.unreceipted.add(gateway_id)

    def receipted(self, gateway_id: str) -> None:
        """Note a receipt for all that a gateway has said; tell the parent when nobody waits any more."""
        self.unreceipted.discard(gateway_id)
        if not self.unreceipted:
            tell(event="receipted")

    def refuse(self) -> None:
        """Count what must not be obeyed, and say how many answers there were until then."""
        self.refused += 1
        tell(event="refused", count=self.refused, answers=self.answers)


class Gateway(asyncio.Protocol):
    """One gateway's connection."""

    def __init__(self, fleet: Fleet, gateway_id: str, secret: str) -> None:
        self._fleet = fleet
        self._id = gateway_id
        self._secret = secret
        self._buffer = bytearray()
        self._journal, self._boot = new_id(), new_id()
        self._number = 0
        self._packet_id = 0
        self._known: set[str] = set()
        self.subscribed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's has its methods, not its class
        packet = mqtt5.ConnectPacket(
            self._id,
            username=self._id,
            password=self._secret.encode(),
            clean_start=True,
            keep_alive=KEEPALIVE_S,
        )
        self._transport.write(packet.write())

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while self._buffer:
            try:
                packet, size = mqtt5.read(memoryview(self._buffer))
            except IndexError:
                return
            del self._buffer[:size]
            self._packet(packet)

    def ping(self) -> None:
        """Keep the connection."""
        self._transport.write(mqtt5.PingReqPacket().write())

    def close(self) -> None:
        """Leave without a word."""
        self._transport.abort()

    def _packet(self, packet: Any) -> None:
        if isinstance(packet, mqtt5.PublishPacket):
            if packet.qos == mqtt5.QoS.AT_LEAST_ONCE:
                self._transport.write(mqtt5.PubAckPacket(packet.packet_id).write())
            self._message(packet)
        elif isinstance(packet, mqtt5.ConnAckPacket):
            if packet.reason_code != mqtt5.ConnAckReasonCode.SUCCESS:
                self.subscribed.set_exception(ConnectionError(str(packet.reason_code)))
                return
            filters = [
                mqtt5.TopicFilter(topic, max_qos=mqtt5.QoS.AT_LEAST_ONCE)
                for topic in topics.all_down(self._id)
            ]
            self._transport.write(mqtt5.SubscribePacket(1, filters).write())
        elif isinstance(packet, mqtt5.SubAckPacket):
            self._state()
            self.subscribed.set_result(None)

    def _message(self, packet: mqtt5.PublishPacket) -> None:
        channel = topics.parse(packet.topic).channel
        scope = Scope.EMERGENCY if channel == "emergency" else Scope.ROUTINE
        try:
            message = decode_to_gateway(self._fleet.verifier.open(packet.payload, scope))
        except (Rejected, WireError):
            self._fleet.refuse()
            return
        at = now()
        if message.aud != self._id or message.exp <= at:
            self._fleet.refuse()
            return
        if isinstance(message, Play) and message.order_id not in self._known:
            self._known.add(message.order_id)
            self._answer(message, at)
            self._fleet.received(message.order_id)
        elif isinstance(message, Receipt):
            if message.journal == self._journal and message.up_to == self._number:
                self._fleet.receipted(self._id)
        elif isinstance(message, Resync):
            self._state()

    def _state(self) -> None:
        state = State(online=True, boot=self._boot, at=now(), agent_version="bench")
        self._publish("state", encode(state), retain=True)

    def _answer(self, order: Play, at: datetime) -> None:
        self._number += 1
        report = Report(
            n=self._number,
            at=at,
            event=Event.RECEIVED,
            broadcast_ids=(order.item.broadcast_id,),
            orders=(order.order_id,),
        )
        reports = Reports(journal=self._journal, boot=self._boot, oldest=self._number, reports=(report,))
        self._publish("report", encode(reports))
        self._fleet.answered(self._id)

    def _publish(self, channel: str, payload: bytes, *, retain: bool = False) -> None:
        self._packet_id = self._packet_id % 65_535 + 1
        packet = mqtt5.PublishPacket(
            topics.up(self._id, channel),
            payload,
            qos=mqtt5.QoS.AT_LEAST_ONCE,
            retain=retain,
            packet_id=self._packet_id,
        )
        self._transport.write(packet.write())


def now() -> datetime:
    """Return the present; a gateway checks expiry by its own clock."""
    return datetime.now(UTC)  # noqa: TID251 - the bench lives in real time


def tell(**event: object) -> None:
    """Send one event to the parent."""
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


async def run(description: dict[str, Any]) -> None:
    """Connect everyone, then answer until stdin closes."""
    loop = asyncio.get_running_loop()
    keys = tuple(PublicKey(each["kid"], Scope(each["scope"]), each["public"]) for each in description["keys"])
    fleet = Fleet(keys)
    fleet.wanted = len(description["gateways"])
    storm = asyncio.Semaphore(STORM)
    gateways: list[Gateway] = []

    async def connect(gateway_id: str, secret: str) -> None:
        async with storm:
            _, gateway = await loop.create_connection(
                lambda: Gateway(fleet, gateway_id, secret), description["host"], description["port"]
            )
            await gateway.subscribed
            gateways.append(gateway)
            if len(gateways) % 500 == 0:
                tell(event="connected", count=len(gateways))

    await asyncio.gather(*(connect(gateway_id, secret) for gateway_id, secret in description["gateways"]))
    tell(event="ready")
    parent_gone = loop.run_in_executor(None, sys.stdin.read)
    while not parent_gone.done():
        await asyncio.wait([parent_gone], timeout=KEEPALIVE_S / 3)
        for gateway in gateways:
            gateway.ping()
    for gateway in gateways:
        gateway.close()


if __name__ == "__main__":
    uvloop.run(run(json.loads(sys.stdin.readline())))
