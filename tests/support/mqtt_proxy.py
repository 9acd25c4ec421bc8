"""Bad weather between a gateway and its broker: messages are held up, doubled and overtake each other.

The proxy speaks just enough MQTT 5 to tell a PUBLISH from everything else. Only those suffer; pings,
greetings and acknowledgements pass at once, for a connection that cannot be held is another fault. A copy
carries the DUP flag, as a repeat by the protocol's own rules does, and of its two acknowledgements one is
passed on.
"""

import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

PUBLISH, PUBACK = 3, 4
_DUP = 0x08
_TICK_S = 0.2


@dataclass(frozen=True, slots=True)
class Weather:
    """What happens to messages on their way."""

    delay_s: float = 2.0
    doubled: float = 0.2
    """Share of messages that arrive twice, the second time some later."""
    window: int = 10
    """A message may be overtaken by so many that were sent after it."""


@dataclass(slots=True)
class Tally:
    """What the weather did, to show that it was there."""

    passed: int = 0
    doubled: int = 0
    overtaken: int = 0


class MqttProxy:
    """Listens on a free port of loopback and passes on to a broker.

    Args:
        host: The broker's.
        port: The broker's.
        weather: What happens on the way.
        dice: Source of chance.
        up: What happens on the way to the broker, if that is something else.
    """

    def __init__(
        self, host: str, port: int, weather: Weather, dice: random.Random, *, up: Weather | None = None
    ) -> None:
        self.tally = Tally()
        self._broker = host, port
        self._down, self._up = weather, up or weather
        self._dice = dice
        self._stopping = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._pumps: list[_Pump] = []
        self._thread = threading.Thread(target=self._accept, name="proxy", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where gateways connect to."""
        return int(self._listener.getsockname()[1])

    def stop(self) -> None:
        """End every connection."""
        self._stopping.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(5)
        for pump in self._pumps:
            pump.stop()

    def _accept(self) -> None:
        while not self._stopping.is_set():
            try:
                gateway, _ = self._listener.accept()
            except OSError:
                return
            try:
                broker = socket.create_connection(self._broker, timeout=5)
            except OSError:
                gateway.close()
                continue
            broker.settimeout(None)
            up, down = (_Pump(weather, self._dice, self.tally) for weather in (self._up, self._down))
            up.back, down.back = down, up
            self._pumps += [up, down]
            up.start(gateway, broker)
            down.start(broker, gateway)


@dataclass(slots=True)
class _Held:
    due_s: float
    number: int
    packet: bytes


@dataclass(slots=True, eq=False)
class _Pump:
    """One direction of one connection."""

    weather: Weather
    dice: random.Random
    tally: Tally
    back: "_Pump | None" = None
    """The other direction, whose messages are acknowledged in this one."""
    copies: dict[int, int] = field(default_factory=dict)
    """By packet id, acknowledgements of copies that are not to be passed on."""
    _held: list[_Held] = field(default_factory=list)
    _highest_sent: int = -1
    _arrived: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _over: threading.Event = field(default_factory=threading.Event)
    _ends: tuple[socket.socket, ...] = ()

    def start(self, source: socket.socket, sink: socket.socket) -> None:
        self._ends = source, sink
        for work in (self._read, self._release):
            threading.Thread(target=work, daemon=True).start()

    def stop(self) -> None:
        self._over.set()
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _read(self) -> None:
        source, sink = self._ends
        with suppress(OSError):
            for packet in _packets(source):
                kind = packet[0] >> 4
                if kind == PUBLISH:
                    with self._lock:
                        self._held.append(_Held(self._due_s(), self._arrived, packet))
                        self._arrived += 1
                elif kind != PUBACK or not self._of_a_copy(packet):
                    with self._lock:
                        sink.sendall(packet)
        self.stop()

    def _due_s(self) -> float:
        return time.monotonic() + self.weather.delay_s

    def _release(self) -> None:
        while not self._over.wait(_TICK_S):
            with self._lock, suppress(OSError):
                due = [each for each in self._held if each.due_s <= time.monotonic()]
                self._held = [each for each in self._held if each not in due]
                for first in range(0, len(due), self.weather.window):
                    together = due[first : first + self.weather.window]
                    self.dice.shuffle(together)
                    for each in together:
                        self._send(each)

    def _send(self, held: _Held) -> None:
        self._ends[1].sendall(held.packet)
        self.tally.passed += 1
        self.tally.overtaken += held.number < self._highest_sent
        self._highest_sent = max(self._highest_sent, held.number)
        qos, is_copy = held.packet[0] >> 1 & 3, bool(held.packet[0] & _DUP)
        if qos == 1 and not is_copy and self.dice.random() < self.weather.doubled:
            packet_id = _id_of_publish(held.packet)
            self.copies[packet_id] = self.copies.get(packet_id, 0) + 1
            copy = bytes((held.packet[0] | _DUP,)) + held.packet[1:]
            later_s = time.monotonic() + self.dice.uniform(0.0, 2.0)
            self._held.append(_Held(later_s, held.number, copy))
            self.tally.doubled += 1

    def _of_a_copy(self, packet: bytes) -> bool:
        """Whether this acknowledges a message of which another copy is, or was, on its way."""
        assert self.back is not None
        packet_id = int.from_bytes(_body(packet)[:2])
        with self.back._lock:
            left = self.back.copies.get(packet_id, 0)
            if left:
                self.back.copies[packet_id] = left - 1
        return bool(left)


def _packets(source: socket.socket) -> Iterator[bytes]:
    """Yield whole MQTT packets until the connection ends."""
    stream = b""
    while True:
        whole = _length(stream)
        if whole is not None and len(stream) >= whole:
            yield stream[:whole]
            stream = stream[whole:]
            continue
        received = source.recv(65536)
        if not received:
            return
        stream += received


def _length(stream: bytes) -> int | None:
    """Return the length of the packet that begins here, with its header; None if not yet known."""
    size = 0
    for place, byte in enumerate(stream[1:5]):
        size |= (byte & 0x7F) << (7 * place)
        if not byte & 0x80:
            return 2 + place + size
    return None


def _body(packet: bytes) -> bytes:
    place = 1
    while packet[place] & 0x80:
        place += 1
    return packet[place + 1 :]


def _id_of_publish(packet: bytes) -> int:
    body = _body(packet)
    topic = int.from_bytes(body[:2])
    return int.from_bytes(body[2 + topic : 4 + topic])
