"""``loacast-agent install`` into a scratch root: what is written, who can read it, and twice the same."""

import shutil
import stat
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace
from support.authority import authority
from support.signing import GATEWAY, a_credential

from device_agent.__main__ import main
from device_agent.commands.installing import install, uninstall
from device_agent.commands.steps import CannotDo
from device_agent.commands.unit import UnitFacts, unit
from wire.credential import read_credential, write_credential

PYTHON = Path("/opt/loacast-agent/bin/python")
SECRET = "s3cret" * 8
LEAST_EXPOSED = 2.5
"""Of ten, by ``systemd-analyze security``; the unit had 1.9 when this was written."""


class Programs:
    """Notes what would be run."""

    def __init__(self, *, failing: str = "nothing") -> None:
        self.run: list[str] = []
        self.failing = failing

    def __call__(self, command: Sequence[str]) -> None:
        self.run.append(" ".join(command))
        if self.failing in command:
            raise CannotDo(f"{self.failing} failed")


@pytest.fixture
def credential(tmp_path: Path) -> Path:
    path = tmp_path / "31672-001.json"
    write_credential(
        a_credential(
            GATEWAY,
            secret=SECRET,
            broker_host="broker.example.vn",
            broker_port=8883,
            controller_url="https://loa.example.vn",
        ),
        path,
    )
    return path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    root.mkdir()
    return root


def installed(root: Path, credential: Path | None, *, sink: str | None = None) -> Programs:
    programs = Programs()
    given = None if credential is None else str(credential)
    assert install(given, sink, 30, python=PYTHON, root=root, execute=programs) == 0
    return programs


def everything_in(root: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path.relative_to(root)): (path.read_bytes(), stat.S_IMODE(path.stat().st_mode))
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def test_an_install_writes_user_credential_settings_and_service(root: Path, credential: Path) -> None:
    programs = installed(root, credential)
    files = everything_in(root)
    assert set(files) == {
        "etc/sysusers.d/loacast-agent.conf",
        "etc/loacast/gateway.json",
        "etc/loacast/agent.env",
        "etc/systemd/system/loacast-agent.service",
    }
    assert files["etc/loacast/gateway.json"][1] == 0o600
    assert read_credential(root / "etc/loacast/gateway.json") == read_credential(credential)
    assert programs.run == [
        f"systemd-sysusers --root={root} loacast-agent.conf",
        f"systemctl --root={root} enable loacast-agent",
    ]


def test_a_second_install_changes_nothing_and_keeps_what_was_set_by_hand(
    root: Path, credential: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    installed(root, credential, sink="device:horn")
    settings = root / "etc/loacast/agent.env"
    settings.write_text(settings.read_text() + "LOACAST_AGENT_DOWNLOAD_KBIT_S=64\n")
    before = everything_in(root)
    capsys.readouterr()
    installed(root, None)
    assert everything_in(root) == before
    said = capsys.readouterr().out
    assert said.count("as it was") == 4
    assert "changed" not in said


def test_a_box_with_a_sound_card_gets_it_at_first_and_keeps_what_was_chosen_later(
    root: Path, credential: Path
) -> None:
    (root / "proc/asound/card0/pcm0p").mkdir(parents=True)
    (root / "proc/asound/card0/id").write_text("Headphones\n")
    settings = root / "etc/loacast/agent.env"
    installed(root, credential)
    assert "LOACAST_AGENT_SINK=device:hw:0,0\n" in settings.read_text()
    installed(root, None, sink="device")
    installed(root, None)
    assert "LOACAST_AGENT_SINK=device\n" in settings.read_text()


def test_a_dry_run_prints_everything_but_the_secret_and_changes_nothing(
    root: Path, credential: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    programs = Programs()
    given = {"root": root, "dry_run": True, "execute": programs}
    assert install(str(credential), None, 30, python=PYTHON, **given) == 0  # type: ignore[arg-type]
    said = capsys.readouterr().out
    for part in ("WatchdogSec=30", "User=loacast-agent", "gateway.json, mode 0600", "systemctl"):
        assert part in said
    assert SECRET not in said
    assert list(root.iterdir()) == []
    assert programs.run == []


def test_authorities_are_copied_for_everyone_to_read_and_named_in_the_credential(
    root: Path, credential: Path, tmp_path: Path
) -> None:
    broker_ca, _, _ = authority(tmp_path, "broker")
    web_ca, _, _ = authority(tmp_path, "web")
    given = {"tls_ca": broker_ca, "controller_tls_ca": web_ca, "root": root, "execute": Programs()}
    assert install(str(credential), None, 30, python=PYTHON, **given) == 0  # type: ignore[arg-type]
    held = read_credential(root / "etc/loacast/gateway.json")
    assert held.broker_tls_ca == "/etc/loacast/broker-ca.pem"
    assert held.controller_tls_ca == "/etc/loacast/controller-ca.pem"
    files = everything_in(root)
    assert files["etc/loacast/broker-ca.pem"] == (broker_ca.read_bytes(), 0o644)
    assert files["etc/loacast/controller-ca.pem"] == (web_ca.read_bytes(), 0o644)
    assert uninstall(root=root, purge=True, execute=Programs()) == 0
    assert everything_in(root) == {}


def test_an_authority_handed_over_later_is_named_in_the_credential_that_is_kept(
    root: Path, credential: Path, tmp_path: Path
) -> None:
    installed(root, credential)
    web_ca, _, _ = authority(tmp_path, "web")
    options = ["--root", str(root), "--python", str(PYTHON), "--controller-tls-ca", str(web_ca), "--dry-run"]
    assert main(["install", *options], {}) == 0
    assert read_credential(root / "etc/loacast/gateway.json").controller_tls_ca is None
    given = {"controller_tls_ca": web_ca, "root": root, "execute": Programs()}
    assert install(None, None, 30, python=PYTHON, **given) == 0  # type: ignore[arg-type]
    held = read_credential(root / "etc/loacast/gateway.json")
    assert held.controller_tls_ca == "/etc/loacast/controller-ca.pem"
    assert held.secret == SECRET
    assert held.broker_tls_ca is None


def test_a_key_and_what_is_no_certificate_are_not_copied_as_an_authority(
    root: Path, credential: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    web_ca, _, key = authority(tmp_path, "web")
    (tmp_path / "both.pem").write_bytes(web_ca.read_bytes() + key.read_bytes())
    (tmp_path / "der.pem").write_bytes(b"\x30\x82")
    for name, reason in (("both.pem", "private key"), ("der.pem", "PEM"), ("none.pem", "No such file")):
        given = {"controller_tls_ca": tmp_path / name, "root": root, "execute": Programs()}
        assert install(str(credential), None, 30, python=PYTHON, **given) == 1  # type: ignore[arg-type]
        assert reason in capsys.readouterr().err
    assert everything_in(root) == {}


@pytest.mark.parametrize(
    ("field", "option"), [("broker_tls_ca", "--tls-ca"), ("controller_tls_ca", "--controller-tls-ca")]
)
def test_a_credential_that_names_an_authority_which_the_box_lacks_is_refused(
    root: Path, credential: Path, field: str, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    named = replace(read_credential(credential), **{field: "/etc/loacast/tls/ca.pem"})
    write_credential(named, credential)
    assert install(str(credential), None, 30, python=PYTHON, root=root, execute=Programs()) == 1
    assert f"{option} FILE" in capsys.readouterr().err
    assert everything_in(root) == {}
    (root / "etc/loacast/tls").mkdir(parents=True)
    (root / "etc/loacast/tls/ca.pem").write_text("put there by hand")
    installed(root, credential)
    assert read_credential(root / "etc/loacast/gateway.json") == named


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ((Path("/home/pi/.venv/bin/python"), None, 30), "/opt/loacast-agent"),
        ((PYTHON, "loudspeaker", 30), "device:NAME"),
        ((PYTHON, None, 2), "busy"),
    ],
)
def test_what_could_not_work_is_refused_before_anything_is_written(
    root: Path,
    credential: Path,
    wish: tuple[Path, str | None, int],
    said: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    python, sink, watchdog_s = wish
    assert install(str(credential), sink, watchdog_s, python=python, root=root, execute=Programs()) == 1
    assert said in capsys.readouterr().err
    assert everything_in(root) == {}


def test_a_box_that_is_not_enrolled_and_a_file_that_is_no_credential_are_refused(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert install(None, None, 30, python=PYTHON, root=root, execute=Programs()) == 1
    assert "not enrolled" in capsys.readouterr().err
    (tmp_path / "other.json").write_text("{}")
    assert install(str(tmp_path / "other.json"), None, 30, python=PYTHON, root=root) == 1
    assert "no gateway credential" in capsys.readouterr().err


def test_a_step_that_fails_ends_it_with_a_reason(
    root: Path, credential: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    programs = Programs(failing="enable")
    assert install(str(credential), None, 30, python=PYTHON, root=root, execute=programs) == 1
    assert "enable failed" in capsys.readouterr().err


def test_an_uninstall_keeps_state_and_credential_unless_asked(root: Path, credential: Path) -> None:
    installed(root, credential)
    journal = root / "var/lib/loacast-agent/journal.sqlite3"
    journal.parent.mkdir(parents=True)
    journal.write_text("what was played")
    programs = Programs()
    assert uninstall(root=root, execute=programs) == 0
    assert programs.run == [f"systemctl --root={root} disable loacast-agent"]
    assert not (root / "etc/systemd/system/loacast-agent.service").exists()
    assert journal.exists()
    assert (root / "etc/loacast/gateway.json").exists()
    assert uninstall(root=root, purge=True, execute=programs) == 0
    assert everything_in(root) == {}


@pytest.mark.skipif(
    shutil.which("systemctl") is None or shutil.which("systemd-sysusers") is None, reason="no systemd here"
)
def test_systemds_own_programs_make_the_user_and_enable_the_service(root: Path, credential: Path) -> None:
    assert install(str(credential), None, 30, python=PYTHON, root=root) == 0
    (account,) = [
        line for line in (root / "etc/passwd").read_text().splitlines() if line.startswith("loacast-agent:")
    ]
    assert account.endswith("nologin")
    assert (root / "etc/systemd/system/multi-user.target.wants/loacast-agent.service").is_symlink()
    assert main(["uninstall", "--root", str(root)]) == 0
    assert not (root / "etc/systemd/system/multi-user.target.wants/loacast-agent.service").is_symlink()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_systemd_understands_the_unit_and_finds_little_exposed(tmp_path: Path) -> None:
    python = Path(shutil.which("python3") or "/usr/bin/python3")
    text = unit(
        UnitFacts(python, Path("/etc/loacast/gateway.json"), Path("/etc/loacast/agent.env"), 30, ("audio",))
    )
    path = tmp_path / "loacast-agent.service"
    path.write_text(text)
    verified = subprocess.run(
        ["systemd-analyze", "verify", str(path)], capture_output=True, text=True, check=False
    )
    assert [line for line in verified.stderr.splitlines() if path.name in line] == []
    assert verified.returncode == 0
    judged = subprocess.run(
        ["systemd-analyze", "security", "--no-pager", "--offline=true", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    if "--offline" in judged.stderr:
        pytest.skip("this systemd-analyze judges no unit that is not loaded")
    (verdict,) = [line for line in judged.stdout.splitlines() if "Overall exposure level" in line]
    assert float(verdict.split(": ")[1].split()[0]) < LEAST_EXPOSED
