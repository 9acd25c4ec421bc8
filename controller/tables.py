"""Every table of the controller, in one place for migrations and tests."""

from sqlmodel import SQLModel

from controller.areas.models import Area, AreaSuccession
from controller.audit.models import AuditRow
from controller.broadcasts.models import Broadcast, Delivery, DeliveryHistory
from controller.bulletins.models import Bulletin
from controller.cap.models import CapAlert, CapFeed
from controller.clips.models import Clip
from controller.counters import Counter
from controller.drills.models import Drill
from controller.emergencies.models import Emergency
from controller.gateways.models import (
    Connectivity,
    Gateway,
    GatewayConfig,
    GatewayFault,
    GatewayState,
    SecurityEvent,
)
from controller.outbox.models import Order, Outbox
from controller.people.models import LogIn, Person
from controller.programme.models import Schedule

__all__ = [
    "Area",
    "AreaSuccession",
    "AuditRow",
    "Broadcast",
    "Bulletin",
    "CapAlert",
    "CapFeed",
    "Clip",
    "Connectivity",
    "Counter",
    "Delivery",
    "DeliveryHistory",
    "Drill",
    "Emergency",
    "Gateway",
    "GatewayConfig",
    "GatewayFault",
    "GatewayState",
    "LogIn",
    "Order",
    "Outbox",
    "Person",
    "Schedule",
    "SecurityEvent",
    "metadata",
]

metadata = SQLModel.metadata
