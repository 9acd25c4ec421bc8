"""Loudness arithmetic: how far to turn a clip up, and when to stop trying. Pure.

Loudness is BS.1770 integrated loudness of a mono clip in LUFS, peaks are true peaks in dBTP. Speech peaks
15 to 20 dB over its loudness, and -16 LUFS under -1.5 dBTP leaves 14.5, so a linear gain is not enough: a
limiter takes the peaks off, and the Opus coder then puts some back. Both are predictable only roughly,
which is why the finished clip is measured and the drive corrected until it fits.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

TARGET_LUFS = -16.0
TOLERANCE_LU = 0.5
CEILING_DBTP = -1.5
SILENCE_LUFS = -60.0
"""What is quieter holds no speech, only the noise of a recorder: lifting it by 44 dB would only roar."""

MAX_LIMITING_DB = 18.0
"""How much of a peak the limiter may take. A clip that needs more (clicks, a slammed door between long
silences) stays quieter than the target: the peak wins."""
MAX_ATTEMPTS = 8

_CLOSE_LU, _NEAR_LU = 0.25, 0.4
"""How near the target will do: half the tolerance at first, and later whatever keeps within it with a
little left for other meters, since each attempt on an hour of sound costs most of a minute."""
_PATIENT_ATTEMPTS = 3
_FIRST_LIMIT_DBFS = -2.7  # Opus at 30 kbit/s adds 0.4 to 1.3 dB to limited speech
_LOST_SHARE = 0.4  # of each dB that the limiter takes off peaks, what loudness loses: espeak-ng's speech
_METER_STEP_DB = 0.1  # ffmpeg prints one decimal
_SLOPES = (0.3, 3.0)
"""dB of loudness gained by one dB of drive: little deep in the limiter; more than one where the coder,
given more, keeps a band that it had dropped."""


@dataclass(frozen=True, slots=True)
class Loudness:
    """What a meter read.

    Attributes:
        integrated_lufs: Integrated loudness; -inf when no block passed the gate.
        true_peak_dbtp: True peak; -inf for digital silence.
    """

    integrated_lufs: float
    true_peak_dbtp: float


@dataclass(frozen=True, slots=True)
class Drive:
    """How to master a clip.

    Attributes:
        gain_db: Added before the limiter.
        limit_dbfs: Where the limiter holds the peaks.
    """

    gain_db: float
    limit_dbfs: float


@dataclass(frozen=True, slots=True)
class Attempt:
    """One drive, and what the clip made with it measured."""

    drive: Drive
    result: Loudness


def gain_to_target(measured_lufs: float, target_lufs: float, *, peak_dbtp: float) -> float:
    """Return the gain in dB that brings sound to a loudness without clipping it.

    Args:
        measured_lufs: Integrated loudness, LUFS (BS.1770). Silence is -inf.
        target_lufs: Loudness wanted, LUFS.
        peak_dbtp: True peak, dBTP.

    Returns:
        Decibels to add, negative to attenuate. Less than asked for where the full gain would lift the
        peak over `CEILING_DBTP`: quieter is safe, clipped is not.

    Raises:
        ValueError: The sound is silent, so no gain reaches the target.
    """
    if measured_lufs == -math.inf:
        raise ValueError("silence cannot be brought to a loudness")
    return min(target_lufs - measured_lufs, CEILING_DBTP - peak_dbtp)


def first_drive(source: Loudness, target_lufs: float) -> Drive:
    """Return the drive to begin with: the linear gain, and a guess at what limiting will take away."""
    gain_db = target_lufs - source.integrated_lufs
    limiting_db = max(0.0, source.true_peak_dbtp + gain_db - _FIRST_LIMIT_DBFS)
    gain_db += _LOST_SHARE * limiting_db
    return Drive(min(gain_db, _most_gain_db(source, _FIRST_LIMIT_DBFS)), _FIRST_LIMIT_DBFS)


def next_drive(source: Loudness, attempts: Sequence[Attempt], target_lufs: float) -> Drive | None:
    """Return the next drive to try, or None when the last clip fits or nothing better can be had.

    Args:
        source: What the unmastered sound measured.
        attempts: Those made so far, oldest first, at least one.
        target_lufs: Loudness wanted.
    """
    drive, result = attempts[-1].drive, attempts[-1].result
    over_db = result.true_peak_dbtp - CEILING_DBTP
    missing_lu = target_lufs - result.integrated_lufs
    close_lu = _CLOSE_LU if len(attempts) < _PATIENT_ATTEMPTS else _NEAR_LU
    if len(attempts) >= MAX_ATTEMPTS or (over_db <= 0 and abs(missing_lu) <= close_lu):
        return None
    limit_dbfs = drive.limit_dbfs - (over_db + _METER_STEP_DB if over_db > 0 else 0.0)
    gain_db = drive.gain_db + missing_lu / _slope(source, attempts)
    following = Drive(min(gain_db, _most_gain_db(source, limit_dbfs)), limit_dbfs)
    return None if following == drive else following


def best(attempts: Sequence[Attempt], target_lufs: float) -> Attempt | None:
    """Return the attempt nearest to the target among those under the ceiling; None if there is none."""
    fitting = [each for each in attempts if each.result.true_peak_dbtp <= CEILING_DBTP]
    return min(fitting, key=lambda each: abs(each.result.integrated_lufs - target_lufs), default=None)


def _most_gain_db(source: Loudness, limit_dbfs: float) -> float:
    return limit_dbfs - source.true_peak_dbtp + MAX_LIMITING_DB


def _slope(source: Loudness, attempts: Sequence[Attempt]) -> float:
    """Return how much loudness a dB of drive brought last time: a secant, kept within reason."""
    last_drive = attempts[-1].drive
    is_limited = source.true_peak_dbtp + last_drive.gain_db > last_drive.limit_dbfs
    presumed = 1.0 - _LOST_SHARE if is_limited else 1.0
    if len(attempts) == 1:
        return presumed
    before, last = attempts[-2], attempts[-1]
    driven = last.drive.gain_db - before.drive.gain_db
    if abs(driven) < _METER_STEP_DB:
        return presumed
    gained = last.result.integrated_lufs - before.result.integrated_lufs
    return min(max(gained / driven, _SLOPES[0]), _SLOPES[1])
