"""One clip over HTTP, going on where an earlier attempt broke off."""

from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

import urllib3

from device_agent.http_pool import Source, new_pool
from wire.certificates import Pin

_PIECE = 16 * 1024
"""Taken as it comes, and no more: what a slow link had brought when it broke is on disk."""


class DownloadFailed(OSError):
    """It did not come, or not all of it; what came is kept for the next attempt."""


class GivenUp(DownloadFailed):
    """We ended it ourselves."""


class Downloader:
    """Fetches clips through one pool of connections.

    Args:
        pin: See `new_pool`.
    """

    def __init__(self, pin: Pin | None = None) -> None:
        self._pool = new_pool(connect_s=10.0, read_s=20.0, pin=pin)

    def download(
        self, source: Source, sha256: str, size_bytes: int, into: Path, go_on: Callable[[int], bool]
    ) -> None:
        """Bring `into` to `size_bytes`, asking only for what is missing (RFC 9110 §14).

        Args:
            source: Where from.
            sha256: Name of the clip; its hash is for the caller to check.
            size_bytes: Its length.
            into: A file with what came so far, or none.
            go_on: Called after each piece with its length; may wait before it returns; False ends it.

        Raises:
            GivenUp: `go_on` said so.
            DownloadFailed: Try again later; the sentence says why.
        """
        have = into.stat().st_size if into.exists() else 0
        if have > size_bytes:
            into.unlink()
            have = 0
        if have == size_bytes:
            return
        headers = source.headers
        if have:
            headers["Range"] = f"bytes={have}-"
        try:
            response = self._pool.request(
                "GET", f"{source.controller_url}/media/{sha256}", headers=headers, preload_content=False
            )
        except urllib3.exceptions.HTTPError as error:
            raise DownloadFailed(f"no connection: {error}") from error
        try:
            _save(response, into, have, size_bytes, go_on)
        except urllib3.exceptions.HTTPError as error:
            raise DownloadFailed(f"broke off: {error}") from error
        finally:
            response.close()

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()


def _save(
    response: urllib3.BaseHTTPResponse, into: Path, have: int, size_bytes: int, go_on: Callable[[int], bool]
) -> None:
    continues = response.status == HTTPStatus.PARTIAL_CONTENT
    if continues and not response.headers.get("Content-Range", "").startswith(f"bytes {have}-"):
        raise DownloadFailed("the controller sent another range than asked for")
    if response.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        into.unlink(missing_ok=True)
        raise DownloadFailed("what was gathered is longer than the clip")
    if not continues and response.status != HTTPStatus.OK:
        raise DownloadFailed(f"the controller answered {response.status}")
    got = have if continues else 0
    # Unbuffered: what came is the system's to keep, though we be killed the next moment.
    with into.open("ab" if continues else "wb", buffering=0) as file:
        while got <= size_bytes and (piece := response.read1(_PIECE)):
            got += len(piece)
            if got <= size_bytes:
                file.write(piece)
            if not go_on(len(piece)):
                raise GivenUp("given up")
    if got > size_bytes:
        into.unlink()
        raise DownloadFailed("the controller sent more than the clip")
    if got < size_bytes:
        raise DownloadFailed(f"{got} of {size_bytes} bytes came")
