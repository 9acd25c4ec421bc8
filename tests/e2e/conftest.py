"""One town for all tests that leave it as they found it, and one browser for all that look at pages."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Browser
from support.browsing import running_browser
from support.sharing import Shared
from support.sound import decode_clip
from support.talking import fake_microphone
from support.town import Town, running_town
from support.voices import STORM, convert, speech

_SHARED = Shared(Path(__file__).parent)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(nextitem: pytest.Item | None) -> None:
    _SHARED.end_before(nextitem)


@pytest.fixture(scope="session")
def shared() -> Shared:
    return _SHARED


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with running_town(tmp_path_factory.mktemp("town")) as running:
        yield running


@pytest.fixture(scope="session")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Speech as a WAV file, about seven seconds."""
    return speech(tmp_path_factory.mktemp("speech") / "bao.wav", STORM)


@pytest.fixture(scope="session")
def reference(spoken: Path) -> NDArray[np.float32]:
    return decode_clip(spoken)


@pytest.fixture(scope="session")
def before_the_microphone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the browser's microphone looks for what it hears, once it is opened."""
    return tmp_path_factory.mktemp("microphone") / "microphone.wav"


@pytest.fixture(scope="session")
def microphone(spoken: Path, before_the_microphone: Path) -> Path:
    """A microphone that hears speech again and again, not too loud."""
    how = ("-ar", "48000", "-ac", "1", "-af", "volume=-12dB", "-c:a", "pcm_s16le")
    return convert(spoken, before_the_microphone, "wav", *how)


@pytest.fixture(scope="module")
def browser(shared: Shared, before_the_microphone: Path) -> Browser:
    arguments = fake_microphone(before_the_microphone)
    return shared.once(lambda: running_browser(*arguments), "browser")
