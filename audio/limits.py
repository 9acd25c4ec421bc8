"""How much an upload may cost us. Pure values; `audio.confined` makes them bite."""

from dataclasses import dataclass

MIN_DURATION_MS = 400
"""BS.1770 measures in blocks of 400 ms: anything shorter has no loudness."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one child process may use before it is killed.

    Attributes:
        wall_ms: Time on the clock.
        cpu_s: Processor time, whole seconds (that is what the kernel counts).
        address_space_bytes: Virtual memory; ffmpeg needs about 300 MB of it for some 45 MB in use.
        output_bytes: Size of the largest file it may write.
    """

    wall_ms: int = 180_000
    cpu_s: int = 180
    address_space_bytes: int = 768 * 2**20
    output_bytes: int = 2**30


@dataclass(frozen=True, slots=True)
class Limits:
    """What is taken from outside.

    Attributes:
        max_bytes: Size of the file as uploaded.
        max_duration_ms: Length of the sound, and of the finished clip with its chime and repeats.
        probe: For reading headers: seconds are plenty.
        decode: For the one decode of the whole file.
    """

    max_bytes: int = 200 * 2**20
    max_duration_ms: int = 60 * 60_000
    probe: Bounds = Bounds(wall_ms=15_000, cpu_s=10, output_bytes=2**20)
    decode: Bounds = Bounds()


def own_work(duration_ms: int) -> Bounds:
    """Return bounds for working on sound of ours of a known length: real time and a minute.

    It runs some hundred times faster than real time on a desktop core; a bound is still needed, because
    a child that hangs would hold a worker for ever.
    """
    wall_ms = 60_000 + duration_ms
    return Bounds(wall_ms=wall_ms, cpu_s=2 * wall_ms // 1000)
