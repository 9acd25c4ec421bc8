"""Others trust these two functions to say what was heard, so they are held to known answers first."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.sound import normalised_cross_correlation

NOISE = np.random.default_rng(20_261_124)


def noise(samples: int) -> np.ndarray:
    return NOISE.standard_normal(samples)


@settings(max_examples=50, deadline=None)
@given(
    lag=st.integers(0, 5000),
    tail=st.integers(0, 5000),
    size=st.integers(50, 3000),
    gain=st.floats(0.001, 100),
    seed=st.integers(0, 1000),
)
def test_a_sound_is_found_where_it_was_put_at_any_volume(
    lag: int, tail: int, size: int, gain: float, seed: int
) -> None:
    random = np.random.default_rng(seed)
    reference = random.standard_normal(size)
    recorded = random.standard_normal(lag + size + tail) * 0.001 * gain
    recorded[lag : lag + size] = reference * gain
    peak, found = normalised_cross_correlation(recorded, reference)
    assert found == lag
    assert peak == pytest.approx(1, abs=1e-6)


def test_every_lag_agrees_with_the_definition() -> None:
    reference, recorded = noise(37), noise(400)
    expected = [
        recorded[lag : lag + 37]
        @ reference
        / np.sqrt((recorded[lag : lag + 37] ** 2).sum() * (reference**2).sum())
        for lag in range(400 - 37 + 1)
    ]
    assert normalised_cross_correlation(recorded, reference) == (
        pytest.approx(max(expected)),
        int(np.argmax(expected)),
    )


def test_a_louder_stranger_elsewhere_in_the_recording_does_not_hide_it() -> None:
    reference = noise(4800) * 0.01
    recorded = np.concatenate([noise(20_000), np.zeros(1000), reference, np.zeros(1000)])
    peak, lag = normalised_cross_correlation(recorded, reference)
    assert (lag, peak > 0.999) == (21_000, True)


def test_noise_of_a_tenth_of_its_power_leaves_it_above_nine_tenths() -> None:
    reference = noise(9600)
    recorded = np.concatenate([np.zeros(500), reference, np.zeros(500)]) + noise(10_600) * 10 ** (-10 / 20)
    peak, lag = normalised_cross_correlation(recorded, reference)
    assert lag == 500
    assert 0.9 < peak < 0.99


def test_a_sound_that_is_not_there_is_not_found() -> None:
    peak, _ = normalised_cross_correlation(noise(200_000), noise(48_000))
    assert peak < 0.1


def test_rounding_noise_between_sounds_is_not_taken_for_the_sound() -> None:
    reference = np.sin(np.arange(480) / 10)
    recorded = np.zeros(48_000)
    recorded[:1000] = noise(1000)
    recorded[20_000:20_480] = reference * 1e-12
    peak, lag = normalised_cross_correlation(recorded, reference)
    assert peak < 0.5
    assert lag < 1000


def test_a_silent_recording_correlates_with_nothing() -> None:
    assert normalised_cross_correlation(np.zeros(1000), noise(100)) == (0.0, 0)


def test_an_inverted_sound_is_not_the_sound() -> None:
    reference = noise(1000)
    peak, _ = normalised_cross_correlation(-reference, reference)
    assert peak == pytest.approx(-1)


@pytest.mark.parametrize(("recorded", "reference"), [(10, 0), (10, 11)])
def test_a_reference_that_cannot_be_sought_is_an_error(recorded: int, reference: int) -> None:
    with pytest.raises(ValueError, match="reference"):
        normalised_cross_correlation(np.ones(recorded), np.ones(reference))


def test_a_silent_reference_is_an_error() -> None:
    with pytest.raises(ValueError, match="silent"):
        normalised_cross_correlation(np.ones(10), np.zeros(5))
