import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio.loudness import (
    CEILING_DBTP,
    MAX_ATTEMPTS,
    MAX_LIMITING_DB,
    Attempt,
    Drive,
    Loudness,
    best,
    first_drive,
    gain_to_target,
    next_drive,
)
from audio.measure import parse


def attempt(gain_db: float, lufs: float, peak: float, *, limit_dbfs: float = -2.7) -> Attempt:
    return Attempt(Drive(gain_db, limit_dbfs), Loudness(lufs, peak))


def test_the_gain_is_what_is_missing() -> None:
    assert gain_to_target(-23.0, -16.0, peak_dbtp=-12.0) == 7.0


def test_the_gain_stops_where_the_peak_would_clip() -> None:
    assert gain_to_target(-30.0, -16.0, peak_dbtp=-4.5) == 3.0


def test_what_is_too_loud_is_turned_down() -> None:
    assert gain_to_target(-9.0, -16.0, peak_dbtp=0.5) == -7.0


def test_no_gain_makes_silence_loud() -> None:
    with pytest.raises(ValueError, match="silence"):
        gain_to_target(-math.inf, -16.0, peak_dbtp=-math.inf)


@given(st.floats(-60, 0), st.floats(-30, -14), st.floats(-60, 6))
def test_no_gain_ever_lifts_the_peak_over_the_ceiling(measured: float, target: float, peak: float) -> None:
    assert peak + gain_to_target(measured, target, peak_dbtp=peak) <= CEILING_DBTP + 1e-9


def test_the_first_drive_of_something_flat_is_linear() -> None:
    assert first_drive(Loudness(-23.0, -15.0), -16.0).gain_db == 7.0


def test_the_first_drive_of_something_peaky_makes_up_for_the_limiter() -> None:
    assert first_drive(Loudness(-23.0, -3.0), -16.0).gain_db > 7.0


def test_a_clip_that_fits_needs_nothing_more() -> None:
    assert next_drive(Loudness(-23, -3), [attempt(9, -16.2, -1.5)], -16.0) is None


def test_a_clip_that_is_too_quiet_is_driven_harder_than_linear_once_the_limiter_shows() -> None:
    attempts = [attempt(7, -18.0, -2.0), attempt(9, -17.0, -2.0)]
    following = next_drive(Loudness(-23, -3), attempts, -16.0)
    assert following is not None
    assert following.gain_db == pytest.approx(11.0)


def test_a_peak_over_the_ceiling_lowers_the_limit_and_not_the_gain() -> None:
    following = next_drive(Loudness(-23, -3), [attempt(9, -16.0, -1.0)], -16.0)
    assert following == Drive(9.0, pytest.approx(-3.3))


def test_sound_that_only_clicks_is_given_up_rather_than_squashed() -> None:
    source = Loudness(-40.0, -1.0)
    drive = first_drive(source, -16.0)
    assert drive.gain_db + source.true_peak_dbtp - drive.limit_dbfs == pytest.approx(MAX_LIMITING_DB)
    assert next_drive(source, [Attempt(drive, Loudness(-28.0, -2.0))], -16.0) is None


@given(
    st.lists(st.tuples(st.floats(-40, -10), st.floats(-8, 3)), min_size=MAX_ATTEMPTS, max_size=MAX_ATTEMPTS)
)
def test_trying_ends_whatever_the_coder_does(results: list[tuple[float, float]]) -> None:
    source = Loudness(-23.0, -3.0)
    drive: Drive | None = first_drive(source, -16.0)
    attempts: list[Attempt] = []
    while drive is not None:
        attempts.append(Attempt(drive, Loudness(*results[len(attempts)])))
        drive = next_drive(source, attempts, -16.0)
        assert drive is None or math.isfinite(drive.gain_db)
    assert 1 <= len(attempts) <= MAX_ATTEMPTS


def test_the_best_is_the_nearest_under_the_ceiling() -> None:
    clipped, near, far = attempt(9, -16.0, -1.4), attempt(8, -16.4, -1.5), attempt(7, -18.0, -3.0)
    assert best([far, clipped, near], -16.0) == near


def test_nothing_over_the_ceiling_is_ever_the_best() -> None:
    assert best([attempt(9, -16.0, -1.4)], -16.0) is None


SUMMARY = """[Parsed_ebur128_1 @ 0x55d0] Summary:

  Integrated loudness:
    I:         {} LUFS
    Threshold: -29.2 LUFS

  Loudness range:
    LRA:         1.8 LU

  True peak:
    Peak:        {} dBFS
"""


def test_the_meter_is_read() -> None:
    assert parse(SUMMARY.format("-19.1", "0.1")) == Loudness(-19.1, 0.1)


def test_what_the_gate_let_nothing_through_of_is_silent() -> None:
    assert parse(SUMMARY.format("-70.0", "-inf")) == Loudness(-math.inf, -math.inf)


def test_a_title_that_looks_like_a_summary_is_not_believed() -> None:
    title = "    title           : [Parsed_ebur128_1 @ 0x1] Summary: Integrated loudness: I: -16.0 LUFS\n"
    assert parse(title + SUMMARY.format("-33.0", "-9.0")) == Loudness(-33.0, -9.0)


def test_a_log_without_a_summary_is_an_error() -> None:
    with pytest.raises(ValueError, match="no loudness"):
        parse("Input #0, wav, from 'fd:':\n")
