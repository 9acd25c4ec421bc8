"""Which sound card a gateway takes that nobody has chosen one for."""

from pathlib import Path

import pytest

from device_agent.commands.cards import own_sink, playing_cards, with_those_in_use


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for card, name, devices in ((0, "vc4hdmi0", ("pcm0p",)), (1, "Headphones", ("pcm0p", "pcm1p", "pcm0c"))):
        for device in devices:
            (tmp_path / f"proc/asound/card{card}/{device}").mkdir(parents=True)
        (tmp_path / f"proc/asound/card{card}/id").write_text(f"{name}\n")
    (tmp_path / "proc/asound/cards").write_text(" 0 [vc4hdmi0 ]\n")
    (tmp_path / "etc").mkdir()
    return tmp_path


def test_what_can_play_is_listed_in_the_kernels_order_and_what_only_listens_is_not(root: Path) -> None:
    assert playing_cards(root) == [
        ("vc4hdmi0", "hw:0,0"),
        ("Headphones", "hw:1,0"),
        ("Headphones", "hw:1,1"),
    ]


def test_the_first_card_that_is_no_screens_is_taken_alone(root: Path) -> None:
    assert own_sink(root) == "device:hw:1,0"


def test_a_box_without_a_card_and_one_that_somebody_has_configured_keep_to_the_default(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    assert own_sink(tmp_path_factory.mktemp("none")) == "device"
    (root / "etc/asound.conf").write_text("defaults.pcm.card 1\n")
    assert own_sink(root) == "device"


def test_a_card_that_portaudio_could_not_open_is_listed_all_the_same_and_no_other_twice(root: Path) -> None:
    listed = ["vc4hdmi0: MAI PCM (hw:0,0)", "Headphones: - (hw:1,1)", "default"]
    assert with_those_in_use(listed, root) == [*listed, "Headphones (hw:1,0)"]
