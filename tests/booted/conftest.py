"""A machine is booted only when asked for by ``-m booted`` or by path; here it is, with its controller."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from booted.gateway import Gateway
from booted.machine import HOME, Machine
from booted.secure_site import SecureSite
from support.netns import network_bed
from support.town import Town


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Keep this directory out of a run of everything."""
    named = any(argument.startswith("tests/booted") for argument in config.args)
    return None if named or "booted" in config.option.markexpr else collection_path.is_relative_to(_HERE)


_HERE = Path(__file__).parent


@pytest.fixture(scope="package")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """Boot a box, install and enrol it as documented; it takes minutes, so the tests share it."""
    if not (HOME / "wheels.sha256").exists():
        pytest.skip(f"no machine in {HOME}; tests/booted/run makes it (Debian, as root)")
    directory = tmp_path_factory.mktemp("booted")
    with network_bed("pole") as bed, bed.controller.inside():
        town = Town(directory / "town", 0, bed)
        site = SecureSite(directory, town)
        town.start()
        try:
            machine = Machine(directory, "pole-31673-001", bed.gateways["pole"])
            machine.power_on()
            gateway = Gateway(machine, town, bed.gateways["pole"], directory, site)
            gateway.install()
            yield gateway
        finally:
            site.door.close()
            town.stop()
