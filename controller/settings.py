"""Settings from the environment (``LOACAST_…``), with defaults that work on one machine."""

from datetime import time
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from controller.gateways.rules import HouseRules
from schedules.quiet_hours import DailyWindow, QuietHours


class Settings(BaseSettings):
    """What differs between two installations."""

    model_config = SettingsConfigDict(env_prefix="LOACAST_", env_file=None, extra="ignore")

    data_dir: Path = Field(default=Path("var/controller"), description="Database, keys and clips.")
    database_url: str | None = Field(
        default=None, description="SQLAlchemy URL; none is SQLite in the data directory."
    )
    host: str = Field(default="127.0.0.1", description="Address that the web server listens on.")
    port: int = Field(default=8000, ge=0, le=65535)
    public_url: str | None = Field(
        default=None, description="How gateways reach us; none is http://HOST:PORT."
    )
    broker_host: str = "127.0.0.1"
    broker_port: int = Field(default=1883, ge=1, le=65535)
    broker_tls_ca: Path | None = None
    controller_tls_ca: Path | None = Field(
        default=None,
        description="On a gateway: the authority that signed our own certificate, if it is private.",
    )
    broker_dir: Path | None = Field(
        default=None, description="Where the broker's password file is; none is DATA_DIR/broker."
    )
    https: bool = Field(default=False, description="Cookies over HTTPS only; set it behind a TLS proxy.")
    zone: str = "Asia/Ho_Chi_Minh"
    quiet_hours: str = Field(
        default="21:00-05:00",
        pattern=r"^(\d\d:\d\d-\d\d:\d\d)?$",
        description="Hours in which only an emergency sounds; empty for none.",
    )
    horizon_days: int = Field(default=8, ge=7, le=31, description="How far ahead gateways know their plan.")
    upload_max_bytes: int = Field(default=200 * 1024 * 1024, ge=1024)
    longest_minutes: int = Field(
        default=180, ge=1, le=24 * 60, description="Nothing but an emergency sounds longer than this."
    )
    clip_max_minutes: int = Field(default=60, ge=1, le=240)
    live_longest_s: int = Field(
        default=300, ge=10, le=3600, description="Whoever speaks live is cut off after this."
    )
    drill_gain_db: float = Field(
        default=-10.0, ge=-40.0, le=-3.0, description="How much quieter a drill is than the real thing, dB."
    )
    cap_public: bool = Field(
        default=True, description="Whether everyone may read the feed of alerts, or only who is logged in."
    )
    cap_sender: str | None = Field(
        default=None,
        pattern=r"^[^\s,<&]+$",
        description="Who we are in our alerts; none is loacast@ and the host of PUBLIC_URL.",
    )
    cap_name: str = Field(default="LoaCast", description="Who we are in our alerts, for people.")
    play_now_limit_s: int = Field(
        default=120, ge=10, le=3600, description='How late "play now" may start on a slow link.'
    )

    @property
    def url(self) -> str:
        """The database's URL."""
        return self.database_url or f"sqlite:///{self.data_dir.resolve() / 'loacast.db'}"

    @property
    def quiet(self) -> QuietHours:
        """The quiet hours as a value."""
        if not self.quiet_hours:
            return QuietHours(windows=(), zone=self.zone)
        start, end = (time.fromisoformat(part) for part in self.quiet_hours.split("-"))
        return QuietHours(windows=(DailyWindow(start, end),), zone=self.zone)

    @property
    def rules(self) -> HouseRules:
        """What every gateway keeps to by itself."""
        return HouseRules(self.quiet, self.longest_minutes * 60_000)

    @property
    def passwords_dir(self) -> Path:
        """Directory of the broker's password file."""
        return self.broker_dir or self.data_dir / "broker"

    @property
    def gateway_url(self) -> str:
        """Base URL that gateways fetch clips from."""
        return (self.public_url or f"http://{self.host}:{self.port}").rstrip("/")
