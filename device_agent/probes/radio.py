"""How well the mobile or wireless network is received, from ModemManager or NetworkManager where present."""

import json
from typing import Any

from device_agent.probes.commands import Run
from device_agent.probes.contract import NOTHING, Readings

MODEM = "modem"
WIFI = "wifi"


def signal(run: Run) -> Readings:
    """Return the modem's signal, else that of the wireless network in use; `NOTHING` on a cable.

    ``mmcli -J`` and ``nmcli -t`` are the two programs' outputs for other programs (mmcli(1), nmcli(1)).

    Raises:
        ValueError: One of them answers with what its manual does not say.
    """
    modem = _modem_percent(run)
    if modem is not None:
        return Readings(signal_percent=modem, signal_by=MODEM)
    wifi = _wifi_percent(run)
    if wifi is not None:
        return Readings(signal_percent=wifi, signal_by=WIFI)
    return NOTHING


def _modem_percent(run: Run) -> int | None:
    listed = run(("mmcli", "-L", "-J"))
    if listed is None:
        return None
    best: int | None = None
    for path in json.loads(listed)["modem-list"]:
        said = run(("mmcli", "-m", str(path), "-J"))
        if said is None:
            return best
        quality: dict[str, Any] = json.loads(said)["modem"]["generic"]["signal-quality"]
        if str(quality["value"]).isdecimal():  # "--" while it is switched off
            best = max(best or 0, _percent(quality["value"]))
    return best


def _wifi_percent(run: Run) -> int | None:
    said = run(("nmcli", "-t", "-f", "IN-USE,SIGNAL", "device", "wifi", "list", "--rescan", "no"))
    if said is None:
        return None
    used = [line.split(":", 1)[1] for line in said.splitlines() if line.startswith("*:")]
    return _percent(used[0]) if used else None


def _percent(text: str) -> int:
    return min(100, max(0, int(text)))
