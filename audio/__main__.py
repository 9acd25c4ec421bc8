"""Try the sound of LoaCast from a terminal: `python -m audio prepare IN OUT`, `speak`, `probe`."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.progress import Progress

from audio.errors import AudioRefused, VoiceUnavailable
from audio.espeak import VOICES
from audio.limits import Limits
from audio.loudness import TARGET_LUFS
from audio.prepare import PreparedClip, PrepareSpec, prepare
from audio.probe import probe

app = typer.Typer(
    help="Take sound in and make clips that gateways play.", no_args_is_help=True, add_completion=False
)

REFUSED = 2
"""Exit code for input that is not taken; the code and the reason are on standard error."""

SourceArgument = Annotated[Path, typer.Argument(help="A WAV, MP3, AAC/M4A, Ogg, FLAC or WebM file.")]
OutArgument = Annotated[Path, typer.Argument(help="The Ogg Opus file to write; replaced if it exists.")]
ChimeOption = Annotated[bool, typer.Option("--chime", help="Three rising notes before it.")]
ClosingOption = Annotated[bool, typer.Option("--closing-chime", help="Three falling notes after it.")]
RepeatsOption = Annotated[int, typer.Option(min=1, max=5, help="How often it is said.")]
GapOption = Annotated[int, typer.Option("--gap-ms", min=0, max=60_000, help="Silence between repeats, ms.")]
TargetOption = Annotated[float, typer.Option("--lufs", min=-30, max=-14, help="Loudness wanted, LUFS.")]


@app.command("prepare")
def prepare_file(  # noqa: PLR0917 - one parameter per option is how typer works
    source: SourceArgument,
    out: OutArgument,
    chime: ChimeOption = False,
    closing_chime: ClosingOption = False,
    repeats: RepeatsOption = 1,
    gap_ms: GapOption = 1500,
    lufs: TargetOption = TARGET_LUFS,
) -> None:
    """Make a clip of a sound file: checked, at one loudness, Ogg Opus mono."""
    spec = PrepareSpec(chime, closing_chime, repeats, gap_ms, lufs)
    try:
        _report(_prepared(source, spec, out))
    except (AudioRefused, OSError) as refused:
        _refuse(refused)


@app.command()
def speak(  # noqa: PLR0917 - one parameter per option is how typer works
    text: Annotated[str, typer.Argument(help="What to say; - reads it from standard input.")],
    out: OutArgument,
    voice: Annotated[str, typer.Option(help=f"One of {', '.join(VOICES)}.")] = next(iter(VOICES)),
    rate: Annotated[float, typer.Option(min=0.5, max=2.0, help="Speed; 1 is ordinary.")] = 1.0,
    chime: ChimeOption = False,
    closing_chime: ClosingOption = False,
    repeats: RepeatsOption = 1,
    gap_ms: GapOption = 1500,
    lufs: TargetOption = TARGET_LUFS,
) -> None:
    """Make a clip of a text, read by a built-in voice."""
    if voice not in VOICES:
        raise typer.BadParameter(f"no such voice; there are {', '.join(VOICES)}", param_hint="--voice")
    spec = PrepareSpec(chime, closing_chime, repeats, gap_ms, lufs)
    try:
        with TemporaryDirectory() as folder:
            spoken = Path(folder, "spoken.wav")
            VOICES[voice].synthesise(sys.stdin.read() if text == "-" else text, spoken, rate=rate)
            _report(_prepared(spoken, spec, out))
    except (AudioRefused, VoiceUnavailable, OSError) as refused:
        _refuse(refused)


@app.command("probe")
def probe_file(file: SourceArgument) -> None:
    """Say what a sound file is, from its headers, or why it is not taken."""
    try:
        info = probe(file, Limits())
    except (AudioRefused, OSError) as refused:
        _refuse(refused)
    stated = "stated" if info.duration_is_promised else "estimated"
    typer.echo(
        f"{info.container.name} {info.codec} {info.sample_rate_hz} Hz {info.duration_ms} ms ({stated})"
    )


def _prepared(source: Path, spec: PrepareSpec, out: Path) -> PreparedClip:
    """Prepare beside the result, so that it appears whole or not at all."""
    with (
        TemporaryDirectory(dir=out.parent) as folder,
        Progress(console=Console(stderr=True), transient=True) as bar,
    ):
        task = bar.add_task("preparing", total=1.0)
        clip = prepare(source, spec, Path(folder), lambda share: bar.update(task, completed=share))
        clip.path.replace(out)
    return clip


def _report(clip: PreparedClip) -> None:
    typer.echo(
        f"{clip.sha256} {clip.size_bytes} bytes {clip.duration_ms} ms "
        f"{clip.loudness_lufs} LUFS {clip.true_peak_dbtp} dBTP"
    )


def _refuse(reason: Exception) -> NoReturn:
    typer.echo(str(reason), err=True)
    raise typer.Exit(REFUSED)


if __name__ == "__main__":
    app()
