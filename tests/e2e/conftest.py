"""One town for all tests that leave it as they found it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from support.sound import decode_clip
from support.town import Town, running_town
from support.voices import STORM, speech


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
