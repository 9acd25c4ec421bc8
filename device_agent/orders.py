"""What each order means for the playback machine, and its confirmation. Pure."""

from datetime import timedelta

from device_agent import playback as machine
from device_agent.clock_trust import MAX_OFFSET, Moment
from device_agent.effects import Tell
from device_agent.guards import Guards, UnknownZone
from device_agent.playback import Playback, Step
from wire.messages import Cancel, Config, Play, Report, Stop, Volume
from wire.types import Event

AnOrder = Play | Stop | Cancel | Volume | Config


def carried_out(order: AnOrder, playback: Playback, moment: Moment, *, by_arrival: bool = False) -> Step:
    """Return the step that an order is, its confirmation first.

    Args:
        order: Admitted, and not done before.
        playback: What is held.
        moment: The present.
        by_arrival: No clock of ours can judge when an item in it is due; its arrival does.
    """
    match order:
        case Play(item=item):
            at_once = item.start_at <= order.iat
            # A repeat that is ordered ahead waits as long as it was to wait when it was signed.
            wait = max(timedelta(0), item.start_at - order.iat) if by_arrival else None
            after, asked = machine.take_order(playback, item, moment, by_arrival=wait, at_once=at_once)
            named: tuple[str, ...] = (item.broadcast_id,)
        case Stop(broadcast_id=broadcast_id):
            (after, asked), named = machine.stop(playback, broadcast_id, moment), ()
        case Cancel(broadcast_ids=broadcast_ids, sounding=sounding):
            (after, asked), named = machine.cancel(playback, broadcast_ids, moment, sounding=sounding), ()
        case Volume():
            (after, asked), named = (playback, ()), ()
        case Config():
            (after, asked), named = _configured(order, playback, moment), ()
    received = Report(
        n=0, at=moment.true_now, event=Event.RECEIVED, broadcast_ids=named, orders=(order.order_id,)
    )
    return after, (Tell(received), *asked)


def _configured(config: Config, playback: Playback, moment: Moment) -> Step:
    """Take a configuration, unless a newer one is in force already."""
    if config.version <= playback.guards.version:
        return playback, ()
    try:
        guards = Guards(config)
    except UnknownZone as error:
        refused = Report(
            n=0, at=moment.now, event=Event.REJECTED, reason="unknown_zone", detail=f"zone {error}"
        )
        return playback, (Tell(refused),)
    return machine.take_guards(playback, guards, moment)


def needs_no_clock(order: AnOrder, boot: str, moment: Moment) -> bool:
    """Whether our clock may not judge an order from the emergency topic: it sounds when it arrives.

    Either the clock is known to be wrong, or no beat has confirmed it yet and it contradicts an order that
    proves by our own boot nonce to be of this run.
    """
    if not moment.trusted and not moment.unvouched:
        return True
    contradicts = abs(order.iat - moment.now) > MAX_OFFSET
    return order.boot == boot and not moment.confirmed and contradicts
