"""Costly things that the tests of a folder share, ended when a test of another folder comes.

A browser driven from the tests' own thread occupies that thread's event loop for as long as it is there, so
it cannot stay for the whole session; and one for each file would be started again and again.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import TypeVar

import pytest

_Thing = TypeVar("_Thing")


class Shared:
    """What is shared below one folder.

    Args:
        folder: Its tests, and those of the folders below it, are the ones that share.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._things: dict[object, object] = {}
        self._ending = ExitStack()

    def once(self, make: Callable[[], AbstractContextManager[_Thing]], name: str) -> _Thing:
        """Return the thing of this name; it is made when it is first asked for."""
        if name not in self._things:
            self._things[name] = self._ending.enter_context(make())
        return self._things[name]  # type: ignore[return-value] - a name stands for one kind of thing

    def end_before(self, next_item: pytest.Item | None) -> None:
        """End everything unless the next test shares it."""
        if next_item is None or self._folder not in next_item.path.parents:
            self._things.clear()
            self._ending.close()
