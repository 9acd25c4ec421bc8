"""Where the alerts of a feed may lead us. Pure."""

from urllib.parse import urlsplit

from controller.cap.models import CapFeed, FeedKind
from controller.cap.outbound import Limits


def reach_of(feed: CapFeed) -> Limits:
    """Return where what an alert points to may be fetched: at the feed, its archive, and its other hosts.

    Plainly only where the feed itself or its archive is plain.
    """
    asked = [feed.url if feed.kind is FeedKind.HTTP else None, feed.archive_url]
    parts = [urlsplit(each) for each in asked if each is not None]
    hosts = frozenset({*feed.hosts, *(each.hostname for each in parts if each.hostname)})
    scheme = "http" if any(each.scheme == "http" for each in parts) else "https"
    return Limits(scheme, hosts, feed.private_allowed)
