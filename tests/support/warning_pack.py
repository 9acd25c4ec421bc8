"""Prepared warnings put straight into a database: rows of clips that nobody needs to hear."""

from datetime import datetime

from sqlalchemy.engine import Engine
from sqlmodel import Session

from controller.bulletins.models import Bulletin, Source
from controller.clips.models import Clip
from controller.columns import new_id

CLIP_MS = 10_000


def keep_warning(
    engine: Engine,
    area_id: int | None,
    title: str,
    *,
    at: datetime,
    key: str | None = "storm_4",
    language: str = "vi",
    hazard: str | None = None,
    level: int | None = None,
) -> str:
    """Keep a warning with a clip of its own, and return the bulletin's id."""
    bulletin_id = new_id()
    sha256 = bulletin_id.replace("-", "") * 2
    with Session(engine) as session, session.begin():
        session.add(
            Clip(
                sha256=sha256,
                size_bytes=20_000,
                duration_ms=CLIP_MS,
                loudness_lufs=-16.0,
                true_peak_dbtp=-2.0,
                prepared_at=at,
            )
        )
        session.flush()
        session.add(
            Bulletin(
                id=bulletin_id,
                area_id=area_id,
                title=title,
                language=language,
                source=Source.UPLOAD,
                clip_sha256=sha256,
                prepared=True,
                warning_key=key,
                hazard=hazard,
                level=level,
                created_at=at,
            )
        )
    return bulletin_id
