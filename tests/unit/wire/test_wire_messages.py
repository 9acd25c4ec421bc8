import json
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wire import messages, schema, topics
from wire.__main__ import HOME
from wire.credential import GatewayCredential, read_credential, write_credential
from wire.envelope import Scope
from wire.messages import (
    MAX_BYTES,
    Plan,
    Play,
    WireError,
    decode_health,
    decode_reports,
    decode_state,
    decode_to_gateway,
    encode,
)

DOWN = ("plan", "play", "stop", "cancel", "volume", "receipt", "resync", "beat")


@pytest.mark.parametrize("kind", DOWN)
def test_what_is_sent_to_a_gateway_is_read_as_it_was(kind: str) -> None:
    message = schema.examples()[kind]
    assert decode_to_gateway(encode(message)) == message


def test_what_gateways_say_is_read_as_it_was() -> None:
    examples = schema.examples()
    assert decode_reports(encode(examples["reports"])) == examples["reports"]
    assert decode_state(encode(examples["state"])) == examples["state"]
    assert decode_health(encode(examples["health"])) == examples["health"]


def test_the_checked_in_schema_and_examples_are_what_the_code_says() -> None:
    assert schema.stale(HOME) == []


@pytest.mark.parametrize("name", sorted(schema.examples()))
def test_golden_examples_are_still_understood(name: str) -> None:
    golden = (HOME / f"{name}.example.json").read_bytes()
    kind = type(schema.examples()[name])
    assert msgspec.json.decode(golden, type=kind) == schema.examples()[name]


def test_a_field_from_the_future_is_skipped() -> None:
    raw = json.loads(encode(schema.examples()["stop"]))
    raw["brought_by_a_newer_controller"] = {"a": [1]}
    assert decode_to_gateway(json.dumps(raw).encode()) == schema.examples()["stop"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("v", 2),
        ("kind", "sing"),
        ("aud", "31672/001"),
        ("aud", "#"),
        ("seq", -1),
        ("iat", "2026-11-24T05:00:00"),
        ("exp", 1_700_000_000),
        ("id", "1"),
        ("order_id", None),
    ],
)
def test_a_field_that_is_not_allowed_is_refused(field: str, value: object) -> None:
    raw = json.loads(encode(schema.examples()["stop"]))
    raw[field] = value
    with pytest.raises(WireError):
        decode_to_gateway(json.dumps(raw).encode())


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_no_bytes_raise_anything_but_a_wire_error(data: bytes) -> None:
    for decode in (decode_to_gateway, decode_reports, decode_state, decode_health):
        with pytest.raises(WireError):
            decode(data)


def test_nesting_without_end_is_refused() -> None:
    with pytest.raises(WireError):
        decode_to_gateway(b'{"kind":"stop","x":' + b"[" * 50_000)


def test_too_much_is_refused_both_ways() -> None:
    with pytest.raises(WireError):
        decode_reports(b" " * (MAX_BYTES + 1))
    play = schema.examples()["play"]
    assert isinstance(play, Play)
    items = (play.item,) * 700
    header = {name: getattr(play, name) for name in ("id", "aud", "epoch", "seq", "iat", "nbf", "exp")}
    with pytest.raises(WireError):
        encode(Plan(**header, version=1, until_at=datetime.now(UTC), items=items))  # noqa: TID251 - any instant


def test_the_length_of_an_item_counts_repeats_and_the_gaps_between() -> None:
    play = schema.examples()["play"]
    assert isinstance(play, messages.Play)
    assert (play.item.repeat, play.item.gap_ms, play.item.duration_ms) == (2, 1500, 2 * 12_340 + 1500)


class TestTopics:
    @given(st.from_regex(r"\A[a-z0-9][a-z0-9-]{0,62}\Z"), st.sampled_from(topics.DOWN_CHANNELS))
    def test_what_is_built_is_parsed_as_it_was(self, gateway_id: str, channel: str) -> None:
        assert topics.parse(topics.down(gateway_id, channel)) == (gateway_id, "down", channel)

    @pytest.mark.parametrize("gateway_id", ["", "a/b", "+", "#", "$SYS", "-a", "A", "a" * 64, "a\n", "a\0"])
    def test_an_id_that_could_be_another_topic_is_refused(self, gateway_id: str) -> None:
        with pytest.raises(WireError):
            topics.down(gateway_id, "plan")

    @pytest.mark.parametrize(
        "topic",
        ["loa/v1/g/a/up/plan", "loa/v1/g/a/down/state", "loa/v2/g/a/up/state", "loa/v1/g/a/up/state/x", "x"],
    )
    def test_what_is_no_topic_of_ours_is_refused(self, topic: str) -> None:
        with pytest.raises(WireError):
            topics.parse(topic)


class TestCredential:
    def test_it_is_read_as_it_was_written_by_its_owner_only(self, tmp_path: Path) -> None:
        from support.office import a_keyring  # noqa: PLC0415

        credential = GatewayCredential(
            gateway_id="31672-001",
            secret="s" * 43,
            broker_host="localhost",
            broker_port=1883,
            controller_url="http://localhost:8000",
            keys=a_keyring().public,
        )
        path = tmp_path / "deep" / "credential.json"
        write_credential(credential, path)
        assert path.stat().st_mode & 0o077 == 0
        assert read_credential(path) == credential
        assert {key.scope for key in credential.keys} == set(Scope)

    def test_a_wrong_file_is_named_and_explained(self, tmp_path: Path) -> None:
        with pytest.raises(WireError, match="no credential at"):
            read_credential(tmp_path / "missing.json")
        (tmp_path / "wrong.json").write_text("{}")
        with pytest.raises(WireError, match="no gateway credential"):
            read_credential(tmp_path / "wrong.json")
