"""Who may do what. Pure: roles and areas in, yes or a `Problem` out."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from controller.errors import ForeignArea, NotAllowed
from controller.people.models import Role


class Permission(StrEnum):
    """Something that a role allows."""

    READ = "read"
    COMPOSE = "compose"
    """Write and upload bulletins, schedule and play them."""
    STOP = "stop"
    WARN = "warn"
    """Order an emergency, its end and its drills; asks again who one is."""
    OPERATE_GATEWAYS = "operate_gateways"
    """Volume, test tone, marking security events as seen."""
    MANAGE = "manage"
    """Areas, gateways, people."""


PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    Role.ADMIN: frozenset(Permission),
    Role.OFFICER: frozenset(
        {
            Permission.READ,
            Permission.COMPOSE,
            Permission.STOP,
            Permission.WARN,
            Permission.OPERATE_GATEWAYS,
        }
    ),
    Role.LEADER: frozenset({Permission.READ, Permission.STOP, Permission.WARN}),
    Role.MONITOR: frozenset({Permission.READ, Permission.OPERATE_GATEWAYS}),
}


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and from where."""

    person_id: int | None
    name: str
    role: Role
    area_id: int
    area_path: str
    """Everything below it is theirs: a subtree is a prefix."""
    address: str = ""

    def may(self, permission: Permission) -> bool:
        """Whether the role allows it at all."""
        return permission in PERMISSIONS[self.role]

    def require_one_of(self, *permissions: Permission) -> None:
        """Pass when the role allows any of these.

        Raises:
            NotAllowed: It allows none; `params` name the first.
        """
        if not any(self.may(permission) for permission in permissions):
            raise NotAllowed(permission=permissions[0].value)

    def require(self, permission: Permission, *area_paths: str) -> None:
        """Pass when the role allows it and every area is within the actor's own.

        Raises:
            NotAllowed: The role does not.
            ForeignArea: An area is someone else's.
        """
        if not self.may(permission):
            raise NotAllowed(permission=permission.value)
        if any(not path.startswith(self.area_path) for path in area_paths):
            raise ForeignArea
