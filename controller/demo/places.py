"""The demo's places: five communes of Cần Thơ as they were before 1 July 2025 and as they are since.

Codes are official (General Statistics Office); a new commune carries the code of one of those it was made
of, which is why code alone is no key. Coordinates are plausible points, names of hamlets are samples.
"""

from dataclasses import dataclass
from datetime import date

from controller.gateways.models import GatewayKind

LAST_OLD_DAY = date(2025, 6, 30)
FIRST_NEW_DAY = date(2025, 7, 1)
FIRST_OLD_DAY = date(2010, 1, 1)
"""Long ago; when each of the old units began matters to nothing here."""

OLD_PROVINCE = ("94", "Tỉnh Sóc Trăng")
OLD_DISTRICT = ("951", "Huyện Trần Đề")
NEW_PROVINCE = ("92", "Thành phố Cần Thơ")

HOME = "31672"
"""Old code of Đại Ân 2, whose gateways really sound."""

DEAD = "31702-002"
"""Enrolled and never started: the loudspeaker that nobody noticed."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """One gateway to be."""

    place: str
    """Where it hangs, as people say."""
    hamlet: str | None
    """Name of its hamlet; None hangs at the commune's seat, in the station's own area."""
    latitude: float
    longitude: float
    kind: GatewayKind = GatewayKind.IP_SPEAKER
    speakers: str = "2×30 W"
    note: str = ""


@dataclass(frozen=True, slots=True)
class Station:
    """What was a commune or town before the merger, and is one station's ground since."""

    code: str
    """The old official code; gateways are numbered below it."""
    old_name: str
    name: str
    clusters: tuple[Cluster, ...]


@dataclass(frozen=True, slots=True)
class Commune:
    """A commune as it is since 1 July 2025."""

    code: str
    name: str
    stations: tuple[Station, ...]


def _plain(name: str, *points: tuple[str, float, float]) -> tuple[Cluster, ...]:
    """Return a seat and hamlets with the usual pair of horns."""
    (_, latitude, longitude), *others = points
    seat = Cluster(f"UBND {name}", None, latitude, longitude)
    return (seat, *(Cluster(place, place, north, east) for place, north, east in others))


COMMUNES = (
    Commune(
        "31673",
        "Xã Trần Đề",
        (
            Station(
                "31672",
                "Xã Đại Ân 2",
                "Địa bàn đài Đại Ân 2",
                (
                    Cluster(
                        "UBND xã", None, 9.5560, 106.1660, GatewayKind.IP_TO_WIRED_AMP, "4×50 W", "Tăng âm cũ"
                    ),
                    Cluster("Ấp Chợ", "Ấp Chợ", 9.5615, 106.1790),
                    Cluster("Ấp Ngan Rô 1", "Ấp Ngan Rô 1", 9.5635, 106.1560),
                    Cluster("Ấp Ngan Rô 2", "Ấp Ngan Rô 2", 9.5680, 106.1705),
                    Cluster(
                        "Ấp Lâm Dồ", "Ấp Lâm Dồ", 9.5490, 106.1590, note="Đông bà con Khmer; sóng 4G yếu"
                    ),
                    Cluster("Ấp Nam Chánh", "Ấp Nam Chánh", 9.5455, 106.1725),
                    Cluster("Cầu kênh Ba", "Ấp Nam Chánh", 9.5405, 106.1500),
                    Cluster(
                        "Bờ sông Hậu",
                        "Ấp Chợ",
                        9.5700,
                        106.1850,
                        GatewayKind.SIREN,
                        "còi + 2×30 W",
                        "Có ắc quy",
                    ),
                ),
            ),
            Station(
                "31673",
                "Thị trấn Trần Đề",
                "Địa bàn đài thị trấn Trần Đề",
                (
                    Cluster("UBND", None, 9.5205, 106.2030),
                    Cluster("Ấp Đầu Giồng", "Ấp Đầu Giồng", 9.5290, 106.1960),
                    Cluster(
                        "Ấp Giồng Chùa", "Ấp Giồng Chùa", 9.5120, 106.1985, note="Gần chùa: không mở lớn"
                    ),
                    Cluster("Cảng cá Kinh Ba", "Ấp Cảng", 9.5010, 106.2025),
                ),
            ),
            Station(
                "31681",
                "Xã Trung Bình",
                "Địa bàn đài Trung Bình",
                (
                    Cluster("UBND Trung Bình", None, 9.5120, 106.1780),
                    Cluster("Ấp Bưng Lức", "Ấp Bưng Lức", 9.4880, 106.1830),
                    Cluster(
                        "Bãi biển Mỏ Ó",
                        "Ấp Mỏ Ó",
                        9.4620,
                        106.1720,
                        GatewayKind.IP_TO_FM,
                        "3 loa FM",
                        "Loa FM cũ",
                    ),
                ),
            ),
        ),
    ),
    Commune(
        "31679",
        "Xã Lịch Hội Thượng",
        (
            Station(
                "31679",
                "Thị trấn Lịch Hội Thượng",
                "Địa bàn đài thị trấn Lịch Hội Thượng",
                _plain(
                    "thị trấn Lịch Hội Thượng",
                    ("", 9.4790, 106.1470),
                    ("Ấp Hội Trung", 9.4850, 106.1380),
                    ("Ấp Châu Thành", 9.4720, 106.1540),
                ),
            ),
            Station(
                "31678",
                "Xã Lịch Hội Thượng",
                "Địa bàn đài Lịch Hội Thượng",
                _plain(
                    "xã Lịch Hội Thượng",
                    ("", 9.4600, 106.1300),
                    ("Ấp Nam Chánh", 9.4680, 106.1200),
                    ("Ấp Sóc Lèo", 9.4500, 106.1450),
                ),
            ),
        ),
    ),
    Commune(
        "31675",
        "Xã Liêu Tú",
        (
            Station(
                "31675",
                "Xã Liêu Tú",
                "Địa bàn đài Liêu Tú",
                _plain(
                    "Liêu Tú",
                    ("", 9.5250, 106.1220),
                    ("Ấp Bưng Triết", 9.5350, 106.1100),
                    ("Ấp Giồng Chát", 9.5160, 106.1330),
                ),
            ),
            Station(
                "31705",
                "Xã Viên Bình",
                "Địa bàn đài Viên Bình",
                _plain(
                    "Viên Bình",
                    ("", 9.4980, 106.0780),
                    ("Ấp Đào Viên", 9.5080, 106.0650),
                    ("Ấp Trà Ông", 9.5030, 106.0720),
                ),
            ),
        ),
    ),
    Commune(
        "31687",
        "Xã Tài Văn",
        (
            Station(
                "31687",
                "Xã Tài Văn",
                "Địa bàn đài Tài Văn",
                _plain(
                    "Tài Văn",
                    ("", 9.5530, 106.0300),
                    ("Ấp Chắc Tưng", 9.5620, 106.0200),
                    ("Ấp Hà Bô", 9.5450, 106.0400),
                ),
            ),
            Station(
                "31696",
                "Xã Viên An",
                "Địa bàn đài Viên An",
                _plain(
                    "Viên An",
                    ("", 9.5300, 106.0600),
                    ("Ấp Tiếp Nhựt", 9.5400, 106.0680),
                    ("Ấp Bờ Đập", 9.5350, 106.0740),
                ),
            ),
        ),
    ),
    Commune(
        "31699",
        "Xã Thạnh Thới An",
        (
            Station(
                "31699",
                "Xã Thạnh Thới An",
                "Địa bàn đài Thạnh Thới An",
                _plain(
                    "Thạnh Thới An",
                    ("", 9.4970, 105.9980),
                    ("Ấp Thạnh Nhãn", 9.5050, 106.0080),
                    ("Ấp Thạnh Lợi", 9.5010, 106.0160),
                ),
            ),
            Station(
                "31702",
                "Xã Thạnh Thới Thuận",
                "Địa bàn đài Thạnh Thới Thuận",
                _plain("Thạnh Thới Thuận", ("", 9.4500, 105.9980), ("Ấp Thạnh Bình", 9.4600, 105.9850)),
            ),
        ),
    ),
)


def gateway_ids(station: Station) -> list[str]:
    """Return the device codes of a station's clusters, in their order."""
    return [f"{station.code}-{number:03}" for number in range(1, len(station.clusters) + 1)]


def sounding() -> list[str]:
    """Return the gateways that are real agents with a recorded sound."""
    home = next(station for commune in COMMUNES for station in commune.stations if station.code == HOME)
    return gateway_ids(home)
