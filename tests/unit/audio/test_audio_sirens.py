from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from support.media import opus
from support.sound import decode_clip, integrated_lufs

from audio.formats import SAMPLE_RATE_HZ
from audio.loudness import TARGET_LUFS
from audio.prepare import PrepareSpec, prepare
from audio.sirens import HIGHEST_HZ, LOWEST_HZ, REST_MS, Siren, render, write

WINDOW_MS = 10
AUDIBLE_BELOW_PEAK_DB = 40.0

HUE = {
    Siren.STORM: [20_000, 10_000, 20_000, 10_000, 20_000],
    Siren.FLOOD: [10_000, 10_000, 10_000],
    Siren.EXTREME: [30_000, 5_000, 30_000, 5_000, 30_000, 5_000, 30_000, 5_000, 30_000],
}
"""Sound and silence in turn, in ms, as the rules of Huế's sirens say."""


def heard_lengths_ms(samples: NDArray[np.float32]) -> list[int]:
    """Measure how long it sounds, is silent, sounds, …"""
    window = SAMPLE_RATE_HZ * WINDOW_MS // 1000
    blocks = samples[: len(samples) // window * window].reshape(-1, window)
    level = np.sqrt(np.mean(blocks.astype(np.float64) ** 2, axis=1))
    audible = level > level.max() * 10 ** (-AUDIBLE_BELOW_PEAK_DB / 20)
    edges = np.flatnonzero(np.diff(audible.astype(np.int8))) + 1
    bounds = [0, *edges.tolist(), len(audible)]
    return [(stop - start) * WINDOW_MS for start, stop in pairwise(bounds)]


def share_outside(samples: NDArray[np.float32], low_hz: float, high_hz: float) -> float:
    """Return how much of the energy lies outside a band, 0 to 1."""
    power = np.abs(np.fft.rfft(samples)) ** 2
    hz = np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE_HZ)
    return float(power[(hz < low_hz) | (hz > high_hz)].sum() / power.sum())


@pytest.mark.parametrize("siren", HUE)
def test_a_siren_keeps_the_cadence_of_hue_as_a_gateway_decodes_it(siren: Siren, tmp_path: Path) -> None:
    clip = tmp_path / "siren.opus"
    clip.write_bytes(opus(render(siren)))
    assert heard_lengths_ms(decode_clip(clip)) == pytest.approx([*HUE[siren], REST_MS], abs=3 * WINDOW_MS)


def test_the_attention_signal_lasts_as_long_as_the_standard_asks_and_is_as_loud_as_any_clip(
    tmp_path: Path,
) -> None:
    write(Siren.ATTENTION, tmp_path / "attention.wav")
    clip = prepare(tmp_path / "attention.wav", PrepareSpec(), tmp_path)
    heard = decode_clip(clip.path)
    assert heard_lengths_ms(heard) == pytest.approx([6_000, REST_MS], abs=3 * WINDOW_MS)
    assert integrated_lufs(heard) == pytest.approx(TARGET_LUFS, abs=0.5)


@pytest.mark.parametrize("siren", Siren)
def test_all_of_it_lies_where_a_horn_carries(siren: Siren) -> None:
    assert share_outside(render(siren), LOWEST_HZ, HIGHEST_HZ) < 1e-3


@pytest.mark.parametrize("siren", Siren)
def test_no_edge_clicks(siren: Siren) -> None:
    sound = render(siren)
    assert sound[0] == sound[-1] == 0
    edge = SAMPLE_RATE_HZ // 20
    for start in range(0, len(sound), SAMPLE_RATE_HZ // 2):  # bursts and tones change at half seconds
        around = sound[max(0, start - edge) : start + edge]
        if np.any(around):
            windowed = around * np.hanning(len(around)).astype(np.float32)
            assert share_outside(windowed, 300, 3_000) < 1e-4, start / SAMPLE_RATE_HZ


def test_the_sirens_cannot_be_taken_for_each_other() -> None:
    assert len({tuple(lengths) for lengths in HUE.values()} | {(6_000,)}) == len(Siren)
    assert {siren: siren.value.duration_ms for siren in HUE} == {
        siren: sum(lengths) for siren, lengths in HUE.items()
    }
