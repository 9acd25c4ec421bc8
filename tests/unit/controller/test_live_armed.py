"""Who may speak where in a moment: the newest first, never too many, and gone when the phone is."""

from support.speaking import Speaker

from controller.live.armed import MOST_GATEWAYS, Armed
from wire.messages import MAX_LIVE_AHEAD


def test_a_gateway_is_told_of_the_phones_that_are_armed_for_it_and_of_no_others() -> None:
    armed, here, there = Armed(), Speaker().source, Speaker().source
    armed.enter(here, ["g1", "g2"])
    armed.enter(there, ["g3"])
    assert armed.at("g1") == (here,)
    assert armed.at("g3") == (there,)
    armed.leave(here.session)
    armed.leave(here.session)
    assert armed.at("g2") == ()


def test_of_too_many_phones_it_is_told_of_the_newest() -> None:
    armed = Armed()
    sources = [Speaker().source for _ in range(MAX_LIVE_AHEAD + 3)]
    for source in sources:
        armed.enter(source, ["g1"])
    assert armed.at("g1") == tuple(sources[3:])


def test_a_phone_that_is_armed_for_a_province_tells_nobody_ahead() -> None:
    armed, source = Armed(), Speaker().source
    assert not armed.enter(source, [f"g{number}" for number in range(MOST_GATEWAYS + 1)])
    assert armed.at("g1") == ()
