"""One clip over HTTP, going on where an earlier attempt broke off; the only file that knows urllib3."""

from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

import urllib3

_PIECE = 64 * 1024
_TIMEOUT = urllib3.Timeout(connect=10.0, read=20.0)


class DownloadFailed(OSError):
    """It did not come, or not all of it; what came is kept for the next attempt."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a gateway gets its clips, and as whom (HTTP Basic, RFC 7617)."""

    controller_url: str
    gateway_id: str
    secret: str = field(repr=False)


class Downloader:
    """Fetches clips through one pool of connections."""

    def __init__(self) -> None:
        self._pool = urllib3.PoolManager(num_pools=4, timeout=_TIMEOUT, retries=False)

    def download(
        self, source: Source, sha256: str, size_bytes: int, into: Path, give_up: Callable[[], bool]
    ) -> None:
        """Bring `into` to `size_bytes`, asking only for what is missing (RFC 9110 §14).

        Args:
            source: Where from.
            sha256: Name of the clip; its hash is for the caller to check.
            size_bytes: Its length.
            into: A file with what came so far, or none.
            give_up: Asked between pieces.

        Raises:
            DownloadFailed: Try again later; the sentence says why.
        """
        have = into.stat().st_size if into.exists() else 0
        if have > size_bytes:
            into.unlink()
            have = 0
        if have == size_bytes:
            return
        headers = urllib3.make_headers(basic_auth=f"{source.gateway_id}:{source.secret}")
        if have:
            headers["Range"] = f"bytes={have}-"
        try:
            response = self._pool.request(
                "GET", f"{source.controller_url}/media/{sha256}", headers=headers, preload_content=False
            )
        except urllib3.exceptions.HTTPError as error:
            raise DownloadFailed(f"no connection: {error}") from error
        try:
            _save(response, into, have, size_bytes, give_up)
        except urllib3.exceptions.HTTPError as error:
            raise DownloadFailed(f"broke off: {error}") from error
        finally:
            response.close()

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()


def _save(
    response: urllib3.BaseHTTPResponse, into: Path, have: int, size_bytes: int, give_up: Callable[[], bool]
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
    with into.open("ab" if continues else "wb") as file:
        for piece in response.stream(_PIECE):
            got += len(piece)
            if got > size_bytes:
                break
            file.write(piece)
            if give_up():
                raise DownloadFailed("given up")
    if got > size_bytes:
        into.unlink()
        raise DownloadFailed("the controller sent more than the clip")
    if got < size_bytes:
        raise DownloadFailed(f"{got} of {size_bytes} bytes came")
