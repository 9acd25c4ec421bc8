"""Sound made longer or shorter by millionths: each frame's place is known exactly, none is lost or doubled.

A windowed sinc of 16 taps whose coefficients are polynomials of the place between two frames (C. W. Farrow,
*A continuously variable digital delay element*, ISCAS 1988). What it adds lies 77 dB under a tone of up to
16 kHz, and between frames nothing is added: stretched by nothing, sound comes out bit by bit.
"""

import numpy as np
from numpy.typing import NDArray

TAPS = 16
HALF = TAPS // 2
"""Frames that are held back: the filter looks so far ahead."""

_DEGREE = 5
_KAISER_BETA = 7.0

Samples = NDArray[np.float32]


def _coefficients() -> NDArray[np.float32]:
    """Return the polynomials of all taps, shape (TAPS, _DEGREE + 1); exact where nothing is moved."""
    places = np.linspace(0.0, 1.0, 129)
    distance = np.arange(1 - HALF, 1 + HALF)[None, :] - places[:, None]
    window = np.i0(_KAISER_BETA * np.sqrt(np.clip(1.0 - (distance / HALF) ** 2, 0.0, 1.0)))
    taps = np.sinc(distance) * window / np.i0(_KAISER_BETA)
    return np.concatenate([taps[:1], _fitted(places, taps - taps[0])]).T.astype(np.float32)


def _fitted(places: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the least squares fit by powers 1 to `_DEGREE`, shape (_DEGREE, taps).

    By Gram and Schmidt, done twice as Kahan advises: `numpy.linalg` would give the same to the last bit of a
    float32, and bring 2 MB of LAPACK into memory for this one call.
    """
    basis: list[NDArray[np.float64]] = []
    made_of: list[NDArray[np.float64]] = []
    for degree in range(1, _DEGREE + 1):
        power, made = places**degree, np.eye(_DEGREE)[degree - 1]
        for _ in range(2):
            for other, other_made in zip(basis, made_of, strict=True):
                share = (power * other).sum()
                power, made = power - share * other, made - share * other_made
        length = np.sqrt((power**2).sum())
        basis.append(power / length)
        made_of.append(made / length)
    shares = [(each[:, None] * values).sum(axis=0) for each in basis]
    return sum(
        (made[:, None] * share for made, share in zip(made_of, shares, strict=True)),
        np.zeros((_DEGREE, values.shape[1])),
    )


class Stretcher:
    """Takes pieces of sound of any length and returns them stretched."""

    _polynomials = _coefficients()

    def __init__(self) -> None:
        self._held: Samples = np.zeros(TAPS - 1, dtype=np.float32)
        self._place = float(HALF - 1)
        """Of the next frame to come out, in frames of `_held`; whole as long as nothing was stretched."""
        self._silent = True

    @property
    def held_frames(self) -> float:
        """How many frames after the next one to come out the next one to go in will stand."""
        return len(self._held) - self._place

    def stretch(self, sound: Samples, ppm: float) -> Samples:
        """Return what comes out when this goes in.

        Args:
            sound: The next piece, shape (n,).
            ppm: By how much it is to be longer, in millionths; at most a few thousand.
        """
        step = 1.0 / (1.0 + ppm * 1e-6)
        silent = not sound.any()
        if silent and self._silent and ppm == 0.0:
            # Back onto whole frames, once, where nothing is heard.
            self._place = float(int(self._place))
        whole = ppm == 0.0 and self._place == int(self._place)
        joined = np.concatenate((self._held, sound))
        # The last place that has all its taps is that of frame `last`, with HALF frames after it.
        last = len(joined) - HALF
        count = max(0, int(np.ceil((last - self._place) / step)))
        if silent and self._silent:
            out = np.zeros(count, dtype=np.float32)
        elif whole:
            out = joined[int(self._place) : int(self._place) + count]
        else:
            out = self._between(joined, self._place + step * np.arange(count))
        place = self._place + step * count
        done = int(place) - (HALF - 1)
        self._held, self._place = joined[done:], place - done
        self._silent = silent or not self._held.any()
        return out

    def _between(self, joined: Samples, places: NDArray[np.floating]) -> Samples:
        frames = places.astype(np.intp)
        between = (places - frames).astype(np.float32)
        windows = np.lib.stride_tricks.sliding_window_view(joined, TAPS)
        terms = (windows @ self._polynomials)[frames - (HALF - 1)].T
        out: Samples = terms[_DEGREE]
        for term in terms[_DEGREE - 1 :: -1]:
            out = out * between + term
        return out
