"""The way in: a thread that commits what gateways say, many messages in one transaction, then acknowledges.

A message is acknowledged to the broker, and a receipt is owed to the gateway, only after the commit. Anything
that arrives twice has no effect the second time.
"""

import queue
import threading
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Protocol

import structlog
from sqlalchemy.engine import Engine
from sqlalchemy.exc import OperationalError
from sqlmodel import Session

from controller.clock import Clock
from controller.db import writing
from controller.events import Change, EventHub
from controller.outbox.intake import Intake, Receipt
from wire.mqtt import Incoming

log = structlog.get_logger(__name__)

BATCH = 5_000
RETRY_S = 0.5
BURST = 50
GATHER_S = 0.015


class Acknowledger(Protocol):
    """What ingest needs of `wire.mqtt.Connection`."""

    def ack(self, incoming: Incoming) -> None:
        """Acknowledge a message."""
        ...


class Ingest:
    """Takes messages from the network thread and commits them in batches."""

    def __init__(
        self,
        *,
        engine: Engine,
        clock: Clock,
        events: EventHub,
        owe_receipt: Callable[[str, str, int], None],
        greet: Callable[[Iterable[str]], None],
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._events = events
        self._owe_receipt = owe_receipt
        self._greet = greet
        self._queue: queue.SimpleQueue[Incoming | None] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._acknowledger: Acknowledger | None = None
        self._thread = threading.Thread(target=self._run, name="ingest", daemon=True)

    def start(self, acknowledger: Acknowledger) -> None:
        """Begin to work."""
        self._acknowledger = acknowledger
        self._thread.start()

    def stop(self) -> None:
        """End after the batch in hand; what is not acknowledged comes again."""
        self._stopping.set()
        self._queue.put(None)
        if self._thread.is_alive():
            self._thread.join(10.0)

    def put(self, incoming: Incoming) -> None:
        """Take a message. Called in the network thread, so it only queues."""
        self._queue.put(incoming)

    def _run(self) -> None:
        while not self._stopping.is_set():
            batch = self._take()
            if batch:
                self._commit_somehow(batch)

    def _commit_somehow(self, batch: list[Incoming]) -> None:
        """Wait for a database that is locked or away; let no single message hold up all the others."""
        while not self._stopping.is_set():
            try:
                self.commit(batch)
            except OperationalError:
                log.exception("database_unavailable", messages=len(batch))
                self._stopping.wait(RETRY_S)
            except Exception:
                if len(batch) == 1:
                    # Without a receipt the gateway keeps it and says it again; the log says that we cannot.
                    log.exception("message_not_applied", topic=batch[0].topic)
                    return
                for incoming in batch:
                    self._commit_somehow([incoming])
                return
            else:
                return

    def _take(self) -> list[Incoming]:
        """Wait for messages; of a burst take more at once, since each commit waits for the disk."""
        first = self._queue.get()
        batch = [] if first is None else [first]
        if batch and self._drain(batch) >= BURST:
            self._stopping.wait(GATHER_S)
            self._drain(batch)
        return batch

    def _drain(self, batch: list[Incoming]) -> int:
        while len(batch) < BATCH:
            try:
                each = self._queue.get_nowait()
            except queue.Empty:
                break
            if each is not None:
                batch.append(each)
        return len(batch)

    def commit(self, batch: list[Incoming]) -> None:
        """Commit a batch, then acknowledge it, owe receipts and tell the pages."""
        now = self._clock.now()
        with Session(self._engine) as session, session.begin():
            writing(session)
            result = Intake(session, now).take(batch)
        if self._acknowledger is not None:
            for incoming in batch:
                self._acknowledger.ack(incoming)
        for receipt in result.receipts:
            self._owe(receipt)
        changes = [Change("broadcast", each) for each in result.broadcasts]
        changes += [Change("gateway", each) for each in result.gateways]
        changes += [Change("security", each) for each in result.refusals]
        changes += [Change("fault", each) for each in result.faults]
        if changes:
            self._events.publish(*changes)
        if result.returned:
            self._greet(result.returned)
        elapsed = self._clock.now() - now
        if elapsed > timedelta(seconds=2):
            log.warning("ingest_slow", messages=len(batch), seconds=elapsed.total_seconds())

    def _owe(self, receipt: Receipt) -> None:
        self._owe_receipt(receipt.gateway_id, receipt.journal, receipt.up_to)
