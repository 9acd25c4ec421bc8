"""The signed configuration of each gateway: what it keeps to whoever orders what.

`configure` orders it of those that were told another one, and `order_again` of those that say they do not
hold it: a new disk has forgotten everything.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from controller.areas.models import Area
from controller.bulk import chunks
from controller.bulletins.models import Bulletin
from controller.clips.models import Clip
from controller.counters import reserve
from controller.gateways.models import Gateway, GatewayConfig, GatewayState
from controller.gateways.rules import HouseRules, wanted
from controller.outbox.models import Order, OrderKind, Outbox
from controller.outbox.service import put_order

CONFIG_VALID = timedelta(days=30)
AGAIN_AFTER = timedelta(seconds=60)
"""Time for a confirmation and a state to come in before a gateway counts as not holding its configuration."""


def configure(session: Session, rules: HouseRules, *, now: datetime) -> int:
    """Order its configuration of each gateway whose wanted one changed; returns of how many.

    Args:
        session: A writing transaction.
        rules: What holds for all.
        now: The present.
    """
    known = {each.gateway_id: each for each in session.exec(select(GatewayConfig))}
    packs = _packs(session)
    rows = session.exec(
        select(Gateway, Area.path)
        .join(Area, col(Area.id) == col(Gateway.area_id))
        .where(col(Gateway.enabled))
    )
    groups: list[tuple[dict[str, Any], list[str]]] = []
    for gateway, path in rows:
        body = wanted(gateway, rules, _pack_of(packs, path))
        held = known.get(gateway.id)
        if held is not None and held.body == body:
            continue
        same = next((ids for each, ids in groups if each == body), None)
        if same is None:
            groups.append((body, [gateway.id]))
        else:
            same.append(gateway.id)
    for body, gateway_ids in groups:
        version = reserve(session, "config", 1)
        for gateway_id in gateway_ids:
            session.merge(GatewayConfig(gateway_id=gateway_id, version=version, body=body, ordered_at=now))
        _withdraw_older(session, gateway_ids)
        _order(session, body, version, gateway_ids, now)
    return sum(len(gateway_ids) for _, gateway_ids in groups)


def keeps(session: Session, gateway_id: str, sha256: str) -> bool:
    """Whether a clip is one of the prepared warnings that a gateway was told to keep."""
    config = session.get(GatewayConfig, gateway_id)
    return config is not None and any(clip["sha256"] == sha256 for clip in config.body["pinned"])


def has_unconfigured(session: Session) -> bool:
    """Whether a gateway was enrolled of which nothing has been ordered yet."""
    configured = select(GatewayConfig.gateway_id)
    query = select(Gateway.id).where(col(Gateway.enabled), col(Gateway.id).not_in(configured)).limit(1)
    return session.exec(query).first() is not None


def order_again(session: Session, *, now: datetime) -> int:
    """Order it once more of gateways that are there and say that they hold an older one."""
    waiting = (
        sa.select(col(Outbox.gateway_id))
        .join(Order, col(Order.id) == col(Outbox.order_id))
        .where(col(Order.kind) == OrderKind.CONFIG)
    )
    rows = session.exec(
        select(GatewayConfig)
        .join(GatewayState, col(GatewayState.gateway_id) == col(GatewayConfig.gateway_id))
        .where(
            col(GatewayState.online).is_(True),
            col(GatewayState.config_version) < col(GatewayConfig.version),
            col(GatewayConfig.ordered_at) < now - AGAIN_AFTER,
            col(GatewayConfig.gateway_id).not_in(waiting),
        )
    ).all()
    by_version: dict[int, list[GatewayConfig]] = {}
    for row in rows:
        by_version.setdefault(row.version, []).append(row)
        row.ordered_at = now
    for version, same in by_version.items():
        _order(session, same[0].body, version, [row.gateway_id for row in same], now)
    return len(rows)


def _order(
    session: Session, body: Mapping[str, Any], version: int, gateway_ids: Sequence[str], now: datetime
) -> None:
    put_order(
        session,
        OrderKind.CONFIG,
        {**body, "version": version},
        gateway_ids,
        now=now,
        expires_at=now + CONFIG_VALID,
    )


def _withdraw_older(session: Session, gateway_ids: Sequence[str]) -> None:
    """Take out what the newer one replaces: a gateway that comes back needs to hear only one."""
    older = sa.select(col(Order.id)).where(col(Order.kind) == OrderKind.CONFIG)
    for chunk in chunks(gateway_ids):
        session.execute(
            sa.delete(Outbox)
            .where(col(Outbox.gateway_id).in_(chunk), col(Outbox.order_id).in_(older))
            .execution_options(synchronize_session=False)
        )


def _packs(session: Session) -> list[tuple[str, dict[str, Any]]]:
    """Return the prepared warnings: the path of the area whose they are, and the clip."""
    rows = session.exec(
        select(Area.path, Clip)
        .join(Bulletin, col(Bulletin.area_id) == col(Area.id))
        .join(Clip, col(Clip.sha256) == col(Bulletin.clip_sha256))
        .where(col(Bulletin.prepared))
        .order_by(col(Clip.sha256))
    )
    return [
        (
            path,
            {"sha256": clip.sha256, "size_bytes": clip.size_bytes, "duration_ms": clip.duration_ms},
        )
        for path, clip in rows
    ]


def _pack_of(packs: Sequence[tuple[str, dict[str, Any]]], path: str) -> list[dict[str, Any]]:
    """Return the clips of an area and of those above it, each once."""
    return list({clip["sha256"]: clip for owner, clip in packs if path.startswith(owner)}.values())
