"""Feeds of alerts: Atom (RFC 4287) and RSS 2.0, as OASIS has them in "CAP Feeds 1.0". Pure."""

from dataclasses import dataclass
from urllib.parse import urljoin

from controller.cap.refusal import CapRefused, Refusal
from controller.cap.xml import Node

ATOM = "http://www.w3.org/2005/Atom"
CAP_TYPE = "application/cap+xml"
MOST_ENTRIES = 100
"""Newest first, as feeds have them; what is further down was there at the last look."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One alert that a feed points to."""

    url: str
    updated: str
    """As the feed writes it: only compared."""


def read_entries(root: Node, base: str) -> tuple[Entry, ...]:
    """Return the alerts that a feed points to, in its order: the newest first.

    So what an alert was replaced by, or taken back by, is known before the alert itself could sound.

    Args:
        root: The whole feed.
        base: Its own address.

    Raises:
        CapRefused: It is no feed.
    """
    if (root.namespace, root.name) == (ATOM, "feed"):
        found = [_atom(each, base) for each in root.all("entry")]
    elif root.name == "rss":
        found = [_rss(item, base) for channel in root.all("channel") for item in channel.all("item")]
    else:
        raise CapRefused(Refusal.FOREIGN, f"{root.namespace} {root.name}")
    return tuple([each for each in found if each is not None][:MOST_ENTRIES])


def _atom(entry: Node, base: str) -> Entry | None:
    links = [dict(link.attributes) for link in entry.all("link")]
    usable = [link for link in links if link.get("rel", "alternate") in {"alternate", "enclosure", "related"}]
    best = next((link for link in usable if link.get("type") == CAP_TYPE), None)
    best = best or next(iter(usable), None)
    if best is None or not best.get("href"):
        return None
    return Entry(urljoin(base, best["href"]), entry.first("updated") or "")


def _rss(item: Node, base: str) -> Entry | None:
    enclosures = [dict(each.attributes) for each in item.all("enclosure")]
    href = next((each["url"] for each in enclosures if each.get("type") == CAP_TYPE and "url" in each), None)
    href = href or item.first("link")
    return None if href is None else Entry(urljoin(base, href), item.first("pubDate") or "")
