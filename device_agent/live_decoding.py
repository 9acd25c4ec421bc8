"""Single Opus frames into samples; the only file that knows libopus (Debian: ``libopus0``).

Four functions of RFC 6716's own library, whose binary interface has not changed since 2012; ADR 12 says why
they are called here and not through a package.
"""

import ctypes
import functools
import weakref
from collections.abc import Callable
from typing import Final, Protocol, cast

import numpy as np

from device_agent.decoding import Samples, Unplayable
from device_agent.sinks.contract import BLOCK_FRAMES, RATE

_NAMES: Final = ("libopus.so.0", "libopus.0.dylib", "/opt/homebrew/lib/libopus.0.dylib")
"""Linux, macOS, and where Homebrew puts it on Apple's processors. `ctypes.util` would start other programs to
find it."""


class CannotDecodeLive(Unplayable):
    """This box lacks what a live voice needs; whatever is on its disk still plays."""

    reason = "no_live"


class _LibOpus(Protocol):
    """``opus.h``, as much of it as we call."""

    opus_decoder_create: Callable[[int, int, None], int | None]
    opus_decoder_destroy: Callable[[int], None]
    opus_decode_float: Callable[[int, bytes | None, int, int, int, int], int]
    opus_strerror: Callable[[int], bytes]


@functools.cache
def load_libopus(names: tuple[str, ...] = _NAMES) -> _LibOpus:
    """Return the library, loaded once; a call of it lets other threads run.

    Args:
        names: What it is called; the first that is there is taken.

    Raises:
        CannotDecodeLive: It is not on this box.
    """
    for name in names:
        try:
            library = ctypes.CDLL(name)
        except OSError:
            continue
        library.opus_decoder_create.argtypes = (ctypes.c_int32, ctypes.c_int, ctypes.c_void_p)
        library.opus_decoder_create.restype = ctypes.c_void_p
        library.opus_decoder_destroy.argtypes = (ctypes.c_void_p,)
        library.opus_decoder_destroy.restype = None
        library.opus_decode_float.argtypes = (
            *(ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int32),
            *(ctypes.c_void_p, ctypes.c_int, ctypes.c_int),
        )
        library.opus_strerror.restype = ctypes.c_char_p
        return cast("_LibOpus", library)
    raise CannotDecodeLive("libopus is not here; on Debian: apt install libopus0")


class LiveDecoder:
    """Decodes the frames of one session, in their order.

    Raises:
        CannotDecodeLive: There is no libopus.
        MemoryError: It has no room for a decoder.
    """

    def __init__(self) -> None:
        self._opus = load_libopus()
        state = self._opus.opus_decoder_create(RATE, 1, None)
        if state is None:
            raise MemoryError("opus_decoder_create")
        self._state = state
        # Not at the end of the process: a thread that ends with it may be decoding.
        weakref.finalize(self, self._opus.opus_decoder_destroy, state).atexit = False

    def decode(self, frame: bytes | None) -> Samples:
        """Return what a frame of 20 ms sounds like: mono at 48 kHz, full scale ±1, shape (960,).

        Args:
            frame: Its bytes; None for one that was lost, which libopus then makes up from those before it,
                ever more quietly.

        Raises:
            ValueError: It is no frame, or longer than 20 ms. What follows it can be decoded all the same.
        """
        samples = np.zeros(BLOCK_FRAMES, dtype=np.float32)
        size_bytes = 0 if frame is None else len(frame)
        decoded = self._opus.opus_decode_float(
            self._state, frame, size_bytes, samples.ctypes.data, BLOCK_FRAMES, 0
        )
        if decoded < 0:
            raise ValueError(self._opus.opus_strerror(decoded).decode())
        return samples
