"""Put long clips together by one streaming run of ffmpeg: memory does not grow with their length."""

from pathlib import Path
from tempfile import TemporaryDirectory

from audio import ffmpeg
from audio.chimes import Chime, render
from audio.compose import chime_gain_db, speech_filters
from audio.formats import SAMPLE_RATE_HZ, WORKING_ENCODING, samples_to_ms
from audio.ingest import Decoded
from audio.limits import own_work
from audio.timeline import Piece, Silence, Speech, total_samples

_RAW_FLOATS = ("-ar", str(SAMPLE_RATE_HZ), "-ch_layout", "mono")


def stream(speech: Decoded, pieces: tuple[Piece, ...], out: Path) -> ffmpeg.Input:
    """Render a clip of any length into a FLAC file in the working format.

    The same pieces sound at the same samples as from `audio.compose.compose`.

    Args:
        speech: What is said.
        pieces: In the order in which they sound.
        out: The file to write.

    Returns:
        `out`, as ffmpeg is to read it.

    Raises:
        FfmpegFailed: The speech cannot be read back; for a file of ours that is a bug or a full disk.
    """
    with TemporaryDirectory(dir=out.parent) as folder:
        inputs: list[ffmpeg.Input] = []
        graph: list[str] = []
        labels: list[str] = []
        for number, piece in enumerate(pieces):
            label = f"[p{number}]"
            labels.append(label)
            match piece:
                case Silence(duration_ms):
                    samples = duration_ms * SAMPLE_RATE_HZ // 1000
                    graph.append(f"anullsrc=r={SAMPLE_RATE_HZ}:cl=mono,atrim=end_sample={samples}{label}")
                case Speech():
                    graph.append(f"[{len(inputs)}:a]{speech_filters(speech)}{label}")
                    inputs.append(ffmpeg.Input(speech.path, "flac"))
                case chime:
                    graph.append(f"[{len(inputs)}:a]volume={chime_gain_db(speech):.3f}dB{label}")
                    inputs.append(_chime_input(chime, Path(folder)))
        graph.append(f"{''.join(labels)}concat=n={len(labels)}:v=0:a=1[clip]")
        duration_ms = samples_to_ms(total_samples(pieces, speech.samples))
        ffmpeg.run(
            inputs,
            ["-filter_complex", ";".join(graph), "-map", "[clip]", *WORKING_ENCODING],
            ffmpeg.Output(out, "flac"),
            bounds=own_work(duration_ms),
        )
    return ffmpeg.Input(out, "flac")


def _chime_input(chime: Chime, folder: Path) -> ffmpeg.Input:
    path = folder / chime.name
    path.write_bytes(render(chime).astype("<f4").tobytes())
    return ffmpeg.Input(path, "f32le", _RAW_FLOATS)
