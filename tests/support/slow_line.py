"""A narrow and long line: everything that goes through it takes its time, in both directions."""

import asyncio
import contextlib
import threading

CHUNK = 1_400
"""About a packet: what is shaped at once."""


class SlowLine:
    """A TCP proxy with a rate and a delay, as of a phone on a poor network.

    Args:
        host: Where it leads.
        port: As well.
        kbit_s: Rate, each way.
        delay_ms: Added, each way.
    """

    def __init__(self, host: str, port: int, *, kbit_s: int, delay_ms: int) -> None:
        self._to = host, port
        self._byte_s = kbit_s * 125
        self._delay_s = delay_ms / 1000
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="slow-line", daemon=True)

    def start(self) -> "SlowLine":
        self._thread.start()
        assert self._ready.wait(5)
        return self

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._accept, "127.0.0.1", 0))
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        self._loop.run_forever()
        server.close()
        tasks = asyncio.all_tasks(self._loop)
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Cancelled is how it ends with the line; nobody waits for the far end's goodbye.
        with contextlib.suppress(asyncio.CancelledError, OSError):
            far_reader, far_writer = await asyncio.open_connection(*self._to)
            with contextlib.closing(far_writer):
                await asyncio.gather(self._pump(reader, far_writer), self._pump(far_reader, writer))
        writer.close()

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        """Hand on what comes: first through the narrow place, then over the long way."""
        free_at = self._loop.time()
        on_the_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def arrive() -> None:
            while True:
                due, data = await on_the_way.get()
                await asyncio.sleep(max(0.0, due - self._loop.time()))
                if not data:
                    sink.close()
                    return
                sink.write(data)
                await sink.drain()

        arriving = asyncio.create_task(arrive())
        with contextlib.suppress(ConnectionError):
            while data := await source.read(CHUNK):
                free_at = max(free_at, self._loop.time()) + len(data) / self._byte_s
                on_the_way.put_nowait((free_at + self._delay_s, data))
                await asyncio.sleep(max(0.0, free_at - self._loop.time()))
        on_the_way.put_nowait((free_at + self._delay_s, b""))
        with contextlib.suppress(ConnectionError):
            await arriving
