"""A small town for end-to-end tests: real broker, real controller, real agents, each in its own process.

province 92
  commune 31673 Xã Trần Đề
    station D31672 Địa bàn đài Đại Ân 2
      hamlets H1 … H4, two gateways each: 31672-001 … 31672-008
  commune 31679 Xã Lịch Hội Thượng, with a hamlet and no gateway
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
from sqlmodel import Session
from support.broker import Broker, free_port
from support.broker_hosts import LocalProcess
from support.cables import Namespace
from support.eventually import eventually
from support.netns import Bed
from support.recording import Recording

from controller.areas.models import Area, AreaKind
from controller.areas.service import add_area
from controller.db import make_engine, migrate, writing
from controller.gateways.models import GatewayKind
from controller.gateways.service import admit, enrol
from controller.keyring import open_keyring
from controller.people.models import Role
from controller.people.service import add_person
from controller.settings import Settings
from wire.credential import write_credential

ROOT = Path(__file__).parents[2]
PASSWORD = "loa phat thanh"
DAY = date(2025, 7, 1)
HAMLETS = ("Ấp Chợ", "Ấp Ngan Rô 1", "Ấp Ngan Rô 2", "Ấp Lâm Dồ")


class Process:
    """A process of ours that can be killed without warning and started again."""

    def __init__(
        self,
        name: str,
        arguments: list[str],
        log: Path,
        environment: dict[str, str],
        inside: Namespace | None = None,
    ) -> None:
        self.name = name
        command = [sys.executable, *arguments]
        self._command = command if inside is None else inside.command(command)
        self._log = log
        self.environment = environment
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        assert self._process is None, f"{self.name} is running"
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=ROOT,
                env={**os.environ, **self.environment},
                stdout=log,
                stderr=log,
            )

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """As a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def send(self, signal_number: int) -> None:
        assert self._process is not None
        self._process.send_signal(signal_number)

    def _end(self, signal_number: int) -> None:
        if self._process is not None:
            self._process.send_signal(signal_number)
            self._process.wait(20)
            self._process = None


class Api:
    """Someone who is logged in, through HTTP as a program would."""

    def __init__(self, base_url: str, username: str, language: str = "vi") -> None:
        self.client = httpx.Client(base_url=base_url, timeout=30, headers={"accept-language": language})
        answer = self.client.post("/api/v1/log-in", json={"username": username, "password": PASSWORD})
        answer.raise_for_status()
        self.client.headers["X-CSRF-Token"] = answer.json()["csrf_token"]

    def get(self, path: str, **params: Any) -> Any:
        answer = self.client.get(f"/api/v1{path}", params=params)
        answer.raise_for_status()
        return answer.json()

    def post(self, path: str, **body: Any) -> httpx.Response:
        return self.client.post(f"/api/v1{path}", **body)

    def step_up(self) -> "Api":
        """Prove again who this is, by password; remembered for five minutes."""
        self.post("/step-up", json={"method": "password", "secret": PASSWORD}).raise_for_status()
        return self

    def area(self, name: str) -> int:
        return next(area["id"] for area in self.get("/areas") if area["name"] == name)

    def upload(self, path: Path, **form: str) -> dict[str, Any]:
        """Upload a file and wait for its clip, or for why there is none."""
        return self.prepared(self.begin_upload(path, **form))

    def begin_upload(self, path: Path, **form: str) -> str:
        """Upload a file and return the id of its preparation."""
        with path.open("rb") as file:
            answer = self.post("/preparations/upload", files={"file": (path.name, file)}, data=form)
        answer.raise_for_status()
        preparation_id: str = answer.json()["id"]
        return preparation_id

    def speak(self, text: str) -> dict[str, Any]:
        answer = self.post("/preparations/speech", json={"text": text, "opening_chime": False})
        answer.raise_for_status()
        return self.prepared(answer.json()["id"])

    def prepared(self, preparation_id: str) -> dict[str, Any]:
        def done() -> dict[str, Any] | None:
            found: dict[str, Any] = self.get(f"/preparations/{preparation_id}")
            return found if found["state"] in {"ready", "refused"} else None

        return eventually(done, 60, "preparation")

    def deliveries(self, broadcast_id: str) -> dict[str, dict[str, Any]]:
        return {each["gateway_id"]: each for each in self.get(f"/broadcasts/{broadcast_id}/deliveries")}

    def gateways(self) -> dict[str, dict[str, Any]]:
        return {each["id"]: each for each in self.get("/gateways")}


class Town:
    """See the module. Everything lives below one directory and ends with `stop`.

    Args:
        directory: Where it lives.
        gateways: How many there are, from one to eight.
        bed: A network to be spread over, whose machines are named by the gateways' ids; make, start and ask
            the town `with bed.controller.inside()`. None is loopback.
        settings: Of the controller, as its environment names them.
    """

    def __init__(self, directory: Path, gateways: int = 8, bed: Bed | None = None, **settings: str) -> None:
        self.directory = directory
        self.data = directory / "controller"
        self.host = "127.0.0.1" if bed is None else bed.controller.address
        at = None if bed is None else LocalProcess(directory / "broker", self.host)
        self.broker = Broker(directory / "broker", at)
        self.port = free_port()
        self.environment = {
            "LOACAST_DATA_DIR": str(self.data),
            "LOACAST_HOST": self.host,
            "LOACAST_PORT": str(self.port),
            "LOACAST_BROKER_HOST": self.broker.host,
            "LOACAST_BROKER_PORT": str(self.broker.port),
            "LOACAST_BROKER_DIR": str(self.broker.directory),
            "LOACAST_QUIET_HOURS": "",
            **settings,
        }
        self.settings = Settings(
            **{key.removeprefix("LOACAST_").lower(): value for key, value in self.environment.items()}  # type: ignore[arg-type]
        )
        self.controller = Process(
            "controller", ["-m", "controller", "serve"], directory / "controller.log", self.environment
        )
        self.gateway_ids = [f"31672-{number:03}" for number in range(1, gateways + 1)]
        self.agents = {
            gateway_id: Process(
                gateway_id,
                [
                    *("-m", "device_agent", "run"),
                    *("--credential", str(directory / f"{gateway_id}.json")),
                    *("--state-dir", str(directory / gateway_id)),
                    *("--sink", f"file:{directory / gateway_id / 'sound'}"),
                ],
                directory / f"{gateway_id}.log",
                {},
                None if bed is None else bed.gateways[gateway_id],
            )
            for gateway_id in self.gateway_ids
        }
        self.data.mkdir(parents=True)
        self._apis: list[Api] = []
        self._seed()

    @property
    def base_url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def start(self) -> "Town":
        self.broker.start()
        self.controller.start()
        self.wait_for_controller()
        for agent in self.agents.values():
            agent.start()
        api = self.api("monitor")
        eventually(
            lambda: all(each["contact"] == "online" for each in api.gateways().values()),
            60,
            "every gateway online",
        )
        eventually(
            lambda: all(each["plan_confirmed"] == each["plan_version"] for each in api.gateways().values()),
            30,
            "every plan confirmed",
        )
        return self

    def wait_for_beats(self, *gateway_ids: str) -> None:
        """Wait until a beat has confirmed these clocks: whoever is cut off sooner may doubt its own."""
        api = self.api("monitor")

        def confirmed() -> bool:
            gateways = api.gateways()
            return all(gateways[each]["clock_offset_ms"] is not None for each in gateway_ids)

        eventually(confirmed, 60, "clocks confirmed")

    def wait_for_controller(self) -> None:
        def answers() -> bool:
            try:
                return (
                    httpx.get(f"{self.base_url}/api/v1/me", timeout=2).status_code == httpx.codes.UNAUTHORIZED
                )
            except httpx.HTTPError:
                return False

        eventually(answers, 30, "controller")

    def stop(self) -> None:
        for api in self._apis:
            api.client.close()
        for agent in self.agents.values():
            agent.stop()
        self.controller.stop()
        self.broker.stop()

    def api(self, username: str = "officer", language: str = "vi") -> Api:
        api = Api(self.base_url, username, language)
        self._apis.append(api)
        return api

    def recording(self, gateway_id: str) -> Recording:
        return Recording(self.directory / gateway_id / "sound")

    def stored_clip(self, sha256: str) -> Path:
        """Return the clip as gateways get it."""
        return self.data / "clips" / sha256[:2] / f"{sha256}.opus"

    def _seed(self) -> None:
        engine = make_engine(self.settings.url)
        migrate(engine)
        keyring = open_keyring(self.data)
        now = datetime.now(UTC)  # noqa: TID251 - the town is founded now
        with Session(engine) as session, session.begin():
            writing(session)
            hamlets = self._areas(session)
            for index, gateway_id in enumerate(self.gateway_ids):
                _, credential = enrol(
                    session,
                    gateway_id=gateway_id,
                    area=hamlets[index // 2 % len(hamlets)],
                    name=f"Cụm {index + 1}",
                    kind=GatewayKind.IP_SPEAKER,
                    keyring=keyring,
                    settings=self.settings,
                    now=now,
                )
                self.broker.secrets[gateway_id] = credential.secret
                admit(self.settings, credential)
                write_credential(credential, self.directory / f"{gateway_id}.json")
        self.broker.set_controller_secret(keyring.broker_password)
        engine.dispose()

    def _areas(self, session: Session) -> list[Area]:
        now = datetime.now(UTC)  # noqa: TID251

        def area(code: str, kind: AreaKind, name: str, parent: Area | None) -> Area:
            return add_area(session, code=code, kind=kind, name=name, parent=parent, valid_from=DAY)

        province = area("92", AreaKind.PROVINCE, "Thành phố Cần Thơ", None)
        commune = area("31673", AreaKind.COMMUNE, "Xã Trần Đề", province)
        station = area("D31672", AreaKind.STATION, "Địa bàn đài Đại Ân 2", commune)
        foreign = area("31679", AreaKind.COMMUNE, "Xã Lịch Hội Thượng", province)
        area("H9", AreaKind.HAMLET, "Ấp Hội Trung", foreign)
        area("H8", AreaKind.HAMLET, "Ấp chưa có loa", station)
        people = (
            ("admin", Role.ADMIN, province),
            ("officer", Role.OFFICER, station),
            ("leader", Role.LEADER, commune),
            ("monitor", Role.MONITOR, province),
            ("neighbour", Role.OFFICER, foreign),
        )
        for username, role, where in people:
            add_person(
                session,
                username=username,
                name=username,
                role=role,
                area_id=where.id,
                password=PASSWORD,
                now=now,
            )
        return [area(f"H{i}", AreaKind.HAMLET, name, station) for i, name in enumerate(HAMLETS, start=1)]


@contextmanager
def running_town(
    directory: Path, gateways: int = 8, bed: Bed | None = None, **settings: str
) -> Iterator[Town]:
    """Start a town and stop it whatever happens."""
    town = Town(directory, gateways, bed, **settings)
    try:
        yield town.start()
    finally:
        town.stop()
