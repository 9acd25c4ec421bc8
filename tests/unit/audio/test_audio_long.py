import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.voices import convert

ROOT = Path(__file__).parents[3]
MEMORY_MB = 100
MINUTES = 6
"""More than is composed in memory. A whole hour takes minutes and no more memory: docs/audio.md."""

_PREPARE = """
import json, resource, sys
from pathlib import Path
from audio.prepare import PrepareSpec, prepare

clip = prepare(Path(sys.argv[1]), PrepareSpec(opening_chime=True), Path(sys.argv[2]))
# Not ru_maxrss: a new process begins with that of the one that started it.
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(json.dumps({
    "own_mb": int(status["VmHWM"].split()[0]) / 1024,
    "ffmpeg_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024,
    "duration_ms": clip.duration_ms,
    "lufs": clip.loudness_lufs,
    "peak": clip.true_peak_dbtp,
}))
"""


@pytest.mark.slow
def test_a_long_programme_is_prepared_in_little_memory(spoken: Path, tmp_path: Path) -> None:
    programme = tmp_path / "programme.mp3"
    once = convert(
        spoken, tmp_path / "once.mp3", "mp3", "-c:a", "libmp3lame", "-write_xing", "0", "-b:a", "64k"
    )
    programme.write_bytes(once.read_bytes() * (MINUTES * 60 // 17))
    done = subprocess.run(
        [sys.executable, "-c", _PREPARE, str(programme), str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    figures = json.loads(done.stdout)
    assert figures["duration_ms"] == pytest.approx(MINUTES * 60_000, rel=0.1)
    assert figures["own_mb"] < MEMORY_MB
    assert figures["ffmpeg_mb"] < MEMORY_MB
    assert -16.5 <= figures["lufs"] <= -15.5
    assert figures["peak"] <= -1.5
