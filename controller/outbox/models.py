"""Orders on their way, as stored. The outbox is the truth, not the broker."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from controller.columns import words


class OrderKind(StrEnum):
    """What is ordered."""

    PLAY = "play"
    STOP = "stop"
    CANCEL = "cancel"
    VOLUME = "volume"
    CONFIG = "config"


class Order(SQLModel, table=True):
    """One order, the same for every gateway that it goes to."""

    id: str = Field(primary_key=True, max_length=36)
    kind: OrderKind = Field(sa_type=words(OrderKind))
    body: dict[str, Any] = Field(sa_type=sa.JSON)
    """The message's own fields, as `wire.messages` names them."""
    emergency: bool = False
    broadcast_id: str | None = Field(default=None, foreign_key="broadcast.id", index=True, max_length=36)
    created_at: datetime
    expires_at: datetime


class Outbox(SQLModel, table=True):
    """One order to one gateway, until the gateway has confirmed it or it has expired."""

    __table_args__ = (
        sa.Index("ix_outbox_due", "next_attempt_at"),
        sa.UniqueConstraint("order_id", "gateway_id"),
    )

    id: int = Field(default=None, primary_key=True)
    order_id: str = Field(foreign_key="order.id", max_length=36)
    gateway_id: str = Field(foreign_key="gateway.id", index=True, max_length=63)
    attempts: int = 0
    next_attempt_at: datetime
    expires_at: datetime
