"""Where an archive has an alert is said by its template, and no reference leads anywhere else."""

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.alerts import SENDER
from support.clocks import NOON

from controller.cap.alert import Key
from controller.cap.archive import Wanted, address, check_template, wanted
from controller.cap.outbound import FetchFailed, check_url, limits_of
from controller.cap.refusal import CapRefused

NAAD = "http://capcp1.example/{date}/{flat_sent}I{flat_identifier}.xml"
STORM = wanted(f"{SENDER},urn:oid:2.49.0-1,2026-11-24T12:00:00+07:00")


def test_a_reference_keeps_the_time_as_it_was_written() -> None:
    assert Wanted(Key(SENDER, "urn:oid:2.49.0-1", NOON), "2026-11-24T12:00:00+07:00") == STORM
    with pytest.raises(CapRefused):
        wanted("urn:oid:2.49.0-1")


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        (NAAD, "http://capcp1.example/2026-11-24/2026_11_24T12_00_00p07_00Iurn_oid_2.49.0_1.xml"),
        ("https://w.example/alerts/{identifier}.cap", "https://w.example/alerts/urn%3Aoid%3A2.49.0-1.cap"),
        (
            "https://w.example/?s={sender}&i={identifier}&t={sent}",
            "https://w.example/?s=kttv%40example.vn&i=urn%3Aoid%3A2.49.0-1&t=2026-11-24T12%3A00%3A00%2B07%3A00",
        ),
    ],
)
def test_an_address_is_made_as_archives_name_their_files(template: str, expected: str) -> None:
    check_template(template)
    assert address(template, STORM) == expected


@pytest.mark.parametrize(
    "template",
    [
        "https://w.example/",
        "https://w.example/{sent}.xml",
        "https://w.example/{identifier.__class__}",
        "https://w.example/{identifier!r}",
        "https://w.example/{identifier}/{where}",
        "https://w.example/{identifier",
        "https://w.example/{identifier}}",
        "https://{sender}/{identifier}",
        "https://{identifier}@w.example/{identifier}",
    ],
)
def test_a_template_in_which_nothing_could_be_looked_up_is_refused(template: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        check_template(template)


NAMES = st.text(
    st.characters(exclude_characters=" ,<&", exclude_categories=("C", "Z")), min_size=1, max_size=40
)


@given(NAMES)
def test_no_name_leads_to_another_host_or_becomes_more_than_a_part_of_the_path(name: str) -> None:
    template = "https://w.example/a/{identifier}/{sender}.xml"
    url = address(template, Wanted(Key(name, name, NOON), "2026-11-24T12:00:00+07:00"))
    try:
        parts = check_url(url, limits_of(template))
    except FetchFailed as failed:
        pytest.fail(str(failed))
    assert (parts.netloc, parts.query, parts.fragment) == ("w.example", "", "")
    assert len(urlsplit(url).path.split("/")) == 4
