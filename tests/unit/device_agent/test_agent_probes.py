"""Probes on made-up boxes: what is there, what is not, and what cannot be read are three different things."""

import json
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from support.clocks import NOON, SetClock

from device_agent.clock_trust import BoxClock
from device_agent.probes import (
    Board,
    Probe,
    Readings,
    boards_of_this_box,
    kernel,
    radio,
    supply,
    timekeeping,
    vouching,
)
from device_agent.probes.amplifier import amplifier
from device_agent.probes.board import TOO_OLD_S
from device_agent.probes.commands import run
from device_agent.probes.timekeeping import KernelClock
from device_agent.probes.vouching import box_clock
from wire.messages import Health
from wire.types import ClockVoucher


class Programs:
    """A box's programs by their command line; what is not listed is not installed."""

    def __init__(self, **said: str | Exception) -> None:
        self.said = said

    def __call__(self, command: Sequence[str]) -> str | None:
        answer = next((self.said[name] for name in self.said if name in "_".join(command)), None)
        if isinstance(answer, Exception):
            raise answer
        return answer


def box(root: Path, **files: str) -> Path:
    for name, content in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content + "\n")
    return root


def test_every_reading_has_its_field_in_the_health_that_is_sent() -> None:
    assert {field.name for field in structs.fields(Readings)} <= {
        field.name for field in structs.fields(Health)
    }


def test_the_kernel_tells_uptime_load_and_memory(tmp_path: Path) -> None:
    box(
        tmp_path,
        proc__uptime="86400.52 1.0",
        proc__loadavg="0.42 0.30 0.20 1/99 1234",
        proc__meminfo="MemTotal: 4 kB\nMemAvailable:    1000 kB",
        proc__self__statm="100 50 1 1 1 1 0",
    )
    assert kernel.uptime(tmp_path).uptime_s == 86_400
    assert kernel.load(tmp_path).load_1m == 0.42
    found = kernel.memory(tmp_path)
    assert (found.memory_free_bytes, found.memory_own_bytes) == (1_024_000, 50 * 4096)


def test_the_hottest_zone_counts_and_a_zone_that_refuses_hides_no_other(tmp_path: Path) -> None:
    zones = tmp_path / "sys/class/thermal"
    box(zones, thermal_zone0__temp="51500", thermal_zone1__temp="63250")
    (zones / "thermal_zone2/temp").mkdir(parents=True)  # cannot be read, as one switched off
    assert kernel.temperature(tmp_path).temperature_c == 63.25


def test_no_zone_is_not_present_and_none_that_answers_is_an_error(tmp_path: Path) -> None:
    assert kernel.temperature(tmp_path) == Readings()
    (tmp_path / "sys/class/thermal/thermal_zone0/temp").mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        kernel.temperature(tmp_path)


@pytest.mark.parametrize(
    ("files", "power", "percent"),
    [
        ({}, None, None),
        ({"AC__type": "Mains", "AC__online": "1"}, "mains", None),
        ({"AC__type": "Mains", "AC__online": "0", "UPS__type": "UPS", "UPS__capacity": "73"}, "battery", 73),
        ({"BAT__type": "Battery", "BAT__status": "Discharging", "BAT__capacity": "12"}, "battery", 12),
        ({"BAT__type": "Battery", "BAT__status": "Full", "BAT__capacity": "100"}, "mains", 100),
        ({"BAT__type": "Battery", "BAT__present": "0"}, None, None),
        ({"mouse__type": "Battery", "mouse__scope": "Device", "mouse__capacity": "5"}, None, None),
    ],
)
def test_what_feeds_the_box_is_told_where_something_can_tell(
    tmp_path: Path, files: dict[str, str], power: str | None, percent: int | None
) -> None:
    box(tmp_path / "sys/class/power_supply", **files)
    found = supply.power(tmp_path)
    assert (found.power, found.battery_percent) == (power, percent)


@pytest.mark.parametrize(
    ("bits", "now", "before"),
    [("0x0", False, False), ("0x50005", True, True), ("0x50000", False, True), ("0x1", True, False)],
)
def test_a_raspberry_tells_a_weak_supply_now_and_before(
    tmp_path: Path, bits: str, *, now: bool, before: bool
) -> None:
    found = supply.under_voltage(tmp_path, Programs(vcgencmd=f"throttled={bits}\n"))
    assert (found.under_voltage, found.under_voltage_before) == (now, before)


def test_without_the_firmwares_program_the_kernels_driver_is_asked(tmp_path: Path) -> None:
    hwmon = tmp_path / "sys/class/hwmon"
    box(hwmon, hwmon0__name="cpu_thermal", hwmon1__name="rpi_volt", hwmon1__in0_lcrit_alarm="1")
    assert supply.under_voltage(tmp_path, Programs()) == Readings(under_voltage=True)
    assert supply.under_voltage(tmp_path / "none", Programs()) == Readings()


MODEM = json.dumps({"modem": {"generic": {"signal-quality": {"recent": "yes", "value": "67"}}}})
MODEM_OFF = json.dumps({"modem": {"generic": {"signal-quality": {"recent": "no", "value": "--"}}}})
ONE_MODEM = json.dumps({"modem-list": ["/org/freedesktop/ModemManager1/Modem/0"]})
WIFI = " :44\n*:81\n :12\n"


@pytest.mark.parametrize(
    ("programs", "percent", "by"),
    [
        (Programs(), None, None),
        (Programs(**{"mmcli_-L": ONE_MODEM, "mmcli_-m": MODEM, "nmcli": WIFI}), 67, "modem"),
        (Programs(**{"mmcli_-L": ONE_MODEM, "mmcli_-m": MODEM_OFF, "nmcli": WIFI}), 81, "wifi"),
        (Programs(**{"mmcli_-L": json.dumps({"modem-list": []}), "nmcli": WIFI}), 81, "wifi"),
        (Programs(nmcli=" :44\n"), None, None),
    ],
)
def test_the_signal_is_the_modems_else_the_wireless_networks_else_not_present(
    programs: Programs, percent: int | None, by: str | None
) -> None:
    found = radio.signal(programs)
    assert (found.signal_percent, found.signal_by) == (percent, by)


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (None, Readings()),
        (KernelClock(0, 0x1, 2_400), Readings(clock_synchronised=True, clock_error_ms=3)),
        (KernelClock(5, 0x40, 16_000_000), Readings(clock_synchronised=False)),
        (KernelClock(0, 0x41, 500), Readings(clock_synchronised=False)),
    ],
)
def test_the_kernels_word_on_the_clock(said: KernelClock | None, found: Readings) -> None:
    assert timekeeping.clock(lambda: said) == found


def test_this_machines_kernel_answers_about_its_clock() -> None:
    assert timekeeping.clock().clock_synchronised in {True, False}


@pytest.mark.parametrize(("is_on", "told"), [(None, None), (True, "on"), (False, "off")])
def test_an_amplifier_is_on_off_or_not_there(is_on: bool | None, told: str | None) -> None:  # noqa: FBT001
    assert amplifier(lambda: is_on).amplifier == told


def test_a_relay_that_is_wired_and_refuses_cannot_be_read() -> None:
    board = Board({"amplifier": lambda: amplifier(lambda: None, wired=True)}, SetClock())
    board.ask_all()
    assert board.readings() == Readings(unreadable=("amplifier",))


def test_a_program_that_is_not_there_is_not_present_and_one_that_fails_raises() -> None:
    assert run(("no-such-program-of-loacast",)) is None
    assert run(("echo", "hello")) == "hello\n"
    with pytest.raises(subprocess.CalledProcessError):
        run(("false",))


FAILURES = st.sampled_from(
    [
        OSError(5, "Input/output error"),
        ValueError("not a number"),
        KeyError("signal-quality"),
        subprocess.TimeoutExpired("mmcli", 10),
        ZeroDivisionError(),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid"),
    ]
)
ANSWERS = st.one_of(FAILURES, st.just(Readings()), st.builds(Readings, uptime_s=st.integers(0, 9)))


@given(st.dictionaries(st.text("abcdef", min_size=1), ANSWERS, max_size=8))
def test_whatever_a_probe_raises_it_is_called_unreadable_and_the_others_still_come(
    answers: dict[str, Readings | Exception],
) -> None:
    def probe(answer: Readings | Exception) -> Probe:
        def look() -> Readings:
            if isinstance(answer, Exception):
                raise answer
            return answer

        return look

    board = Board({name: probe(answer) for name, answer in answers.items()}, SetClock())
    board.ask_all()
    found = board.readings()
    assert set(found.unreadable) == {
        name for name, answer in answers.items() if isinstance(answer, Exception)
    }
    uptimes = [answer.uptime_s for answer in answers.values() if isinstance(answer, Readings)]
    assert found.uptime_s == next((each for each in reversed(uptimes) if each is not None), None)


def test_what_was_not_asked_yet_or_not_for_long_is_unreadable_and_an_age_is_told() -> None:
    clock = SetClock()
    board = Board({"signal": lambda: Readings(signal_percent=60, signal_by="wifi")}, clock)
    assert board.readings() == Readings(unreadable=("signal",))
    board.ask_all()
    clock.pass_s(31)
    assert board.readings() == Readings(signal_percent=60, signal_by="wifi", signal_age_s=31)
    clock.pass_s(TOO_OLD_S)
    assert board.readings() == Readings(unreadable=("signal",))


def test_a_box_with_nothing_in_it_breaks_no_board(tmp_path: Path) -> None:
    boards = boards_of_this_box(tmp_path, SetClock(), root=tmp_path / "empty", run_command=Programs())
    found = Readings()
    for board in boards:
        board.ask_all()
        found = found.with_those_of(board.readings())
    assert set(found.unreadable) == {"uptime", "load", "memory"}
    assert (found.temperature_c, found.power, found.signal_percent, found.amplifier) == (None,) * 4
    assert found.disk_free_bytes


IN_STEP, ADRIFT = KernelClock(0, 0, 1_500), KernelClock(5, 0x40, 16_000_000)
TWO_S_AGO = str(round(NOON.timestamp()) - 2)


@pytest.mark.parametrize(
    ("kernel_says", "files", "voucher"),
    [
        (IN_STEP, {}, "ntp"),
        (ADRIFT, {}, None),
        (None, {}, None),
        (ADRIFT, {"run__systemd__timesync__synchronized": ""}, "ntp"),
        (None, {"sys__class__rtc__rtc0__name": "rtc-ds1307 1-0068"}, None),
        (
            ADRIFT,
            {"sys__class__rtc__rtc0__name": "rtc_cmos", "sys__class__rtc__rtc0__since_epoch": TWO_S_AGO},
            "rtc",
        ),
        (
            ADRIFT,
            {"sys__class__rtc__rtc0__name": "rtc-test", "sys__class__rtc__rtc0__since_epoch": TWO_S_AGO},
            None,
        ),
        (
            ADRIFT,
            {"sys__class__rtc__rtc0__name": "rpi-rtc", "sys__class__rtc__rtc0__since_epoch": "93"},
            None,
        ),
        (
            ADRIFT,
            {"sys__class__rtc__rtc0__name": "rtc_cmos", "sys__class__rtc__rtc0__since_epoch": "soon"},
            None,
        ),
    ],
)
def test_a_clock_is_vouched_for_by_what_follows_another_one_or_has_a_battery(
    tmp_path: Path, kernel_says: KernelClock | None, files: dict[str, str], voucher: str | None
) -> None:
    box(tmp_path, proc__sys__kernel__random__boot_id="2dbc9884", **files)
    assert box_clock(tmp_path, NOON, lambda: kernel_says) == BoxClock(
        "2dbc9884", voucher and ClockVoucher(voucher)
    )  # type: ignore[arg-type]


@given(st.timedeltas(timedelta(days=-9_000), timedelta(days=9_000)))
def test_a_battery_vouches_only_for_a_clock_that_agrees_with_it(ahead: timedelta) -> None:
    found = vouching.voucher(NOON + ahead, ADRIFT, timesync=False, batteries_at=(NOON,))
    assert (found is ClockVoucher.RTC) == (abs(ahead) <= timedelta(seconds=30))
    flat = datetime(2000, 1, 1, tzinfo=UTC)
    assert vouching.voucher(flat + ahead, None, timesync=False, batteries_at=(flat + ahead,)) is (
        ClockVoucher.RTC if flat + ahead >= vouching.EARLIEST else None
    )


def test_a_box_that_tells_nothing_vouches_for_nothing(tmp_path: Path) -> None:
    def forbidden() -> KernelClock:
        raise PermissionError

    assert box_clock(tmp_path, NOON, forbidden) == BoxClock(None, None)
