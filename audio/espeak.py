"""The built-in voices: espeak-ng, which speaks Vietnamese in three accents and needs no network.

It sounds like a machine and reads everything. The text goes in by standard input and not as an
argument, where any user of the machine could read it in the process list.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

from audio import confined
from audio.errors import AudioRefused, Refusal, VoiceUnavailable
from audio.limits import Bounds
from audio.speech import check_rate, clean_text
from audio.vietnamese import speakable

_BOUNDS = Bounds(wall_ms=60_000, cpu_s=30, address_space_bytes=512 * 2**20, output_bytes=256 * 2**20)
_WORDS_PER_MINUTE = 150
"""Its own default is 175: too fast through horns that answer each other across a village."""
_UTF8 = "1"
_INSTALL = "install espeak-ng (Debian, Ubuntu: apt-get install espeak-ng; macOS: brew install espeak-ng)"


@dataclass(frozen=True, slots=True)
class EspeakVoice:
    """One voice of espeak-ng; an `audio.speech.Voice`.

    Attributes:
        name: Stable identifier.
        language: BCP 47 tag.
        espeak_name: What espeak-ng calls it.
        prepare_text: Turns written into spoken words.
        find_program: Looks an executable up by name, as `shutil.which` does.
    """

    name: str
    language: str
    espeak_name: str
    prepare_text: Callable[[str], str] = str
    find_program: Callable[[str], str | None] = shutil.which

    def synthesise(self, text: str, out: Path, *, rate: float = 1.0) -> None:
        """Speak a text into a WAV file: mono, 22,050 Hz; see `audio.speech.Voice`."""
        check_rate(rate)
        spoken = _plain(self.prepare_text(clean_text(text)))
        program = self.find_program("espeak-ng")
        if program is None:
            raise VoiceUnavailable(_INSTALL)
        command = [str(Path(program).resolve()), "-v", self.espeak_name, "--stdin", "-b", _UTF8]
        command += ["-s", str(round(_WORDS_PER_MINUTE * rate)), "-w", str(out.resolve())]
        with TemporaryFile() as script:
            script.write(spoken.encode())
            script.seek(0)
            ending = confined.run(command, bounds=_BOUNDS, stdin=script.fileno())
        if ending.out_of_time:
            raise AudioRefused(Refusal.DECODE_TIMEOUT, "speaking took more time than it is given")
        if ending.exit_code != 0:
            raise VoiceUnavailable(f"{_INSTALL}; it said: {ending.log.strip()[-200:]}")


def _plain(text: str) -> str:
    """Break up the double brackets by which espeak-ng takes phonemes instead of words."""
    return text.replace("[[", "[ [").replace("]]", "] ]")


VOICES: dict[str, EspeakVoice] = {
    voice.name: voice
    for voice in (
        EspeakVoice("vi-south", "vi", "vi-vn-x-south", speakable),
        EspeakVoice("vi-central", "vi", "vi-vn-x-central", speakable),
        EspeakVoice("vi-north", "vi", "vi", speakable),
        EspeakVoice("en", "en", "en"),
    )
}
"""Every built-in voice by name; the first is the default, that of the delta."""
