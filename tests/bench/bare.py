"""The baseline: the same signed messages by a bare paho client, and another that collects the answers.

No database, no outbox, no signing while the clock runs. What it takes is what paho, Mosquitto and the
simulated gateways take by themselves.
"""

import socket
import threading
import time
from collections.abc import Sequence
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from support.broker import Broker

from wire import topics

USER = "bench"


class Bare:
    """One paho client that publishes orders and collects reports."""

    def __init__(self, broker: Broker) -> None:
        self._answers = 0
        self._wanted = 0
        self._all = threading.Event()
        self._ready = threading.Event()
        self.last_answer_at = 0.0
        client = Client(CallbackAPIVersion.VERSION2, client_id=USER, protocol=MQTTProtocolVersion.MQTTv5)
        client.username_pw_set(USER, broker.secrets[USER])
        client.max_inflight_messages_set(0)
        client.on_socket_open = self._tune
        client.on_connect = lambda *_: client.subscribe("loa/v1/g/+/up/report", qos=1)
        client.on_subscribe = lambda *_: self._ready.set()
        client.on_message = self._message
        client.connect(broker.host, broker.port)
        client.loop_start()
        assert self._ready.wait(10)
        self._client = client

    @staticmethod
    def _tune(_client: Client, _userdata: object, sock: Any) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _message(self, *_: object) -> None:
        self._answers += 1
        if self._answers == self._wanted:
            self.last_answer_at = time.monotonic()
            self._all.set()

    def send(self, gateway_id: str, sealed: bytes) -> None:
        """Publish one message to its gateway."""
        self._client.publish(topics.down(gateway_id, "order"), sealed, qos=1)

    def round(self, messages: Sequence[tuple[str, bytes]], timeout_s: float) -> float:
        """Publish every message to its gateway and wait for as many answers; returns when it began."""
        self._answers, self._wanted = 0, len(messages)
        self._all.clear()
        began_at = time.monotonic()
        for gateway_id, sealed in messages:
            self.send(gateway_id, sealed)
        if not self._all.wait(timeout_s):
            raise RuntimeError(f"{self._answers} of {self._wanted} answers")
        return began_at

    def stop(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
