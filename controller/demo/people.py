"""The demo's people, one of each role, and one whose commune is another."""

from dataclasses import dataclass

from controller.people.models import Role

PASSWORD = "loaphatthanh"  # noqa: S105 - of the demo, which listens on this machine only
OFFICER = "officer"
LEADER = "leader"
NEIGHBOUR = "neighbour"
ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """Someone who logs in."""

    username: str
    name: str
    role: Role
    place: str
    """Name of their area, which is unique among the demo's stations, communes and provinces of today."""
    what: str
    """What they do all day, for the welcome."""


PEOPLE = (
    DemoPerson(
        OFFICER,
        "Thạch Thị Sương",
        Role.OFFICER,
        "Địa bàn đài Đại Ân 2",
        "writes and plays for the station Đại Ân 2",
    ),
    DemoPerson(
        LEADER,
        "Nguyễn Văn Lành",
        Role.LEADER,
        "Xã Trần Đề",
        "leads the commune: sees all of it, stops anything",
    ),
    DemoPerson(
        "monitor",
        "Trần Thị Mai",
        Role.MONITOR,
        "Thành phố Cần Thơ",
        "watches the fleet of the whole city",
    ),
    DemoPerson(
        NEIGHBOUR,
        "Lâm Hoàng Phúc",
        Role.OFFICER,
        "Xã Liêu Tú",
        "another commune's officer: cannot touch yours",
    ),
    DemoPerson(ADMIN, "Quản trị hệ thống", Role.ADMIN, "Thành phố Cần Thơ", "everything"),
)

KEEPERS = (
    "Danh Thol",
    "Lý Thị Hoa",
    "Trương Văn Tám",
    "Sơn Pholla",
    "Huỳnh Thị Út",
    "Kim Ngọc Rạng",
    "Phạm Văn Bé",
    "Thạch Sà Rươl",
)


def keeper(number: int) -> tuple[str, str]:
    """Return the invented name and number of whoever looks after the `number`-th gateway, from 0."""
    return KEEPERS[number % len(KEEPERS)], f"0900 000 {number + 1:03}"
