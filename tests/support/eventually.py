"""Waiting for what a real system does in its own time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(look: Callable[[], T], timeout_s: float, what: str = "") -> T:
    """Look again and again until something true is seen, and return it; fail when the time is over."""
    deadline = time.monotonic() + timeout_s
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout_s} s: {what or look}")
        time.sleep(0.05)  # noqa: TID251 - other processes give no event to wait on
