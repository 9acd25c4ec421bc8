"""Speech that several tests share, made once."""

from pathlib import Path

import pytest
from support.voices import speech


@pytest.fixture(scope="session")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A WAV file of some ten seconds of Vietnamese speech; not to be changed."""
    return speech(tmp_path_factory.mktemp("speech") / "meeting.wav")
