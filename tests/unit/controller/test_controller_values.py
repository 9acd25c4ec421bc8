"""The small pure parts of the controller."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.clocks import NOON

from controller import broker
from controller.areas.models import Area
from controller.areas.service import smallest_common
from controller.broadcasts.plans import fit
from controller.broadcasts.summary import Summary, summarise
from controller.clips.byte_range import ByteRange, Unsatisfiable, parse_range
from controller.columns import new_id
from controller.errors import ForeignArea, NotAllowed
from controller.gateways.liveness import Contact, contact
from controller.gateways.models import GatewayState
from controller.outbox.resend import next_attempt_at
from controller.people.access import Actor, Permission
from controller.people.models import Role
from controller.people.passwords import hash_password, matches, wait_until
from wire.messages import MAX_PLAN_BYTES, ClipRef, Item, Plan, encode


class TestSummary:
    @pytest.mark.parametrize(
        ("counts", "summary"),
        [
            ({"planned": 2}, Summary.PLANNED),
            ({"ready": 2, "played": 1}, Summary.PLAYING),
            ({"playing": 1, "unknown": 3}, Summary.PLAYING),
            ({"played": 8}, Summary.PLAYED),
            ({"played": 7, "missed": 1}, Summary.PARTLY),
            ({"played": 7, "unknown": 1}, Summary.UNKNOWN),
            ({"missed": 1, "failed": 2}, Summary.FAILED),
            ({"cancelled": 3}, Summary.CANCELLED),
            ({"cancelled": 3, "partial": 1}, Summary.PARTLY),
        ],
    )
    def test_one_word_says_it_and_never_hides_unknown(self, counts: dict[str, int], summary: Summary) -> None:
        assert summarise(counts) is summary

    def test_what_was_stopped_while_it_sounded_is_not_called_cancelled(self) -> None:
        assert summarise({"cancelled": 3}, cut_short=1) is Summary.STOPPED
        assert summarise({"cancelled": 3, "unknown": 1}, cut_short=1) is Summary.UNKNOWN


class TestByteRange:
    @pytest.mark.parametrize(
        ("header", "wanted"),
        [
            (None, None),
            ("bytes=0-99", ByteRange(0, 99)),
            ("bytes=500-", ByteRange(500, 999)),
            ("bytes=-100", ByteRange(900, 999)),
            ("bytes=-5000", ByteRange(0, 999)),
            ("bytes=900-5000", ByteRange(900, 999)),
            ("bytes=0-1,5-6", None),
            ("lines=1-2", None),
            ("bytes=-", None),
            ("bytes=9-2", None),
        ],
    )
    def test_one_range_is_understood_and_anything_else_is_the_whole(
        self, header: str | None, wanted: ByteRange | None
    ) -> None:
        assert parse_range(header, 1000) == wanted

    @pytest.mark.parametrize("header", ["bytes=1000-", "bytes=5000-6000", "bytes=-0"])
    def test_what_lies_outside_is_refused(self, header: str) -> None:
        with pytest.raises(Unsatisfiable):
            parse_range(header, 1000)

    @given(st.text(max_size=40), st.integers(1, 1 << 40))
    def test_no_header_breaks_it(self, header: str, size: int) -> None:
        try:
            wanted = parse_range(header, size)
        except Unsatisfiable:
            return
        assert wanted is None or 0 <= wanted.first <= wanted.last < size


class TestAccess:
    def test_a_role_and_an_area_are_both_needed(self) -> None:
        officer = Actor(1, "officer", Role.OFFICER, 2, "/1/2/")
        officer.require(Permission.COMPOSE, "/1/2/", "/1/2/7/")
        with pytest.raises(NotAllowed):
            officer.require(Permission.MANAGE)
        with pytest.raises(ForeignArea):
            officer.require(Permission.COMPOSE, "/1/2/7/", "/1/3/")
        with pytest.raises(ForeignArea):
            officer.require(Permission.COMPOSE, "/1/22/")

    @given(
        st.lists(st.integers(1, 30), min_size=1, max_size=4),
        st.lists(st.integers(1, 30), min_size=1, max_size=6),
    )
    def test_a_path_is_ones_own_only_below_ones_own(self, mine: list[int], theirs: list[int]) -> None:
        def path(ids: list[int]) -> str:
            return "/" + "".join(f"{each}/" for each in ids)

        actor = Actor(1, "officer", Role.OFFICER, mine[-1], path(mine))
        if theirs[: len(mine)] == mine:
            actor.require(Permission.COMPOSE, path(theirs))
        else:
            with pytest.raises(ForeignArea):
                actor.require(Permission.COMPOSE, path(theirs))


class TestPasswords:
    def test_only_the_right_one_matches_and_nobody_has_none(self) -> None:
        stored = hash_password("loa phát thanh")
        assert matches(stored, "loa phát thanh")
        assert not matches(stored, "loa phat thanh")
        assert not matches(None, "nobody has this password")
        assert not matches("broken", "x")

    def test_waiting_doubles_after_a_few_free_tries_and_ends_at_a_quarter_of_an_hour(self) -> None:
        waits = [wait_until(failures, NOON) for failures in (1, 3, 4, 5, 6, 40)]
        assert waits[:2] == [None, None]
        assert [each - NOON for each in waits[2:] if each] == [
            timedelta(seconds=2),
            timedelta(seconds=4),
            timedelta(seconds=8),
            timedelta(minutes=15),
        ]


class TestPlans:
    def item(self, day: float) -> Item:
        clip = ClipRef(sha256="ab" * 32, size_bytes=1, duration_ms=1000)
        return Item(broadcast_id=new_id(), start_at=NOON + timedelta(days=day), clips=(clip,))

    def test_a_plan_that_fits_is_complete_to_its_horizon(self) -> None:
        items = [self.item(day) for day in range(8)]
        content = fit(items, now=NOON, horizon=timedelta(days=8))
        assert (content.items, content.until_at) == (tuple(items), NOON + timedelta(days=8))

    def test_a_plan_too_large_says_until_when_it_is_complete(self) -> None:
        items = [self.item(number / 100) for number in range(800)]
        content = fit(items, now=NOON, horizon=timedelta(days=8))
        assert 100 < len(content.items) < 800
        assert content.until_at == items[len(content.items)].start_at
        whole = Plan(
            id=new_id(),
            aud="g" * 63,
            epoch=1,
            seq=10**12,
            iat=NOON,
            nbf=NOON,
            exp=NOON,
            version=10**9,
            until_at=content.until_at,
            items=content.items,
        )
        assert len(encode(whole)) <= MAX_PLAN_BYTES


class TestContact:
    @pytest.mark.parametrize(
        ("online", "heard", "expected"),
        [
            (True, True, Contact.ONLINE),
            (False, True, Contact.OFFLINE),
            (None, True, Contact.UNVERIFIED),
            (None, False, Contact.NEVER),
        ],
    )
    def test_what_is_not_known_is_said_so(self, online: bool | None, heard: bool, expected: Contact) -> None:  # noqa: FBT001
        state = GatewayState(gateway_id="g1", online=online, heard_at=NOON if heard else None)
        assert contact(state) is expected


def test_orders_are_sent_again_eagerly_and_then_patiently() -> None:
    waits = [(next_attempt_at(attempts, NOON) - NOON).total_seconds() for attempts in range(1, 9)]
    assert waits == [5, 5, 5, 5, 5, 5, 30, 30]


def test_the_smallest_area_that_holds_them_all() -> None:
    def area(path: str) -> Area:
        return Area(code="x", kind="hamlet", name="x", path=path, valid_from=NOON.date())  # type: ignore[arg-type]

    assert smallest_common([area("/1/2/5/")]) == "/1/2/5/"
    assert smallest_common([area("/1/2/5/"), area("/1/2/6/")]) == "/1/2/"
    assert smallest_common([area("/1/2/5/"), area("/1/2/")]) == "/1/2/"
    assert smallest_common([area("/1/2/"), area("/3/")]) == "/"


def test_a_password_entry_has_mosquittos_form() -> None:
    # That the broker lets such a password in is tests/integration/test_broker_access.py's to show.
    entry = broker.password_entry("g1", "secret", bytes(range(12)))
    name, digest = entry.strip().split(":")
    scheme, iterations, salt, hashed = digest[1:].split("$")
    assert (name, scheme, iterations, salt) == ("g1", "7", "101", "AAECAwQFBgcICQoL")
    assert len(hashed) == 88
