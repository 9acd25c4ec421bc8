"""What this box can tell of itself: small adapters, one for each kind of thing that may be there.

An adapter takes the place it reads from, or what runs a command, as an argument. It answers None for what
is *not present*; it raises, whatever it likes, when something is there and cannot be read. Both are shown
as such: silence is never "all well".
"""

from device_agent.probes.board import Board
from device_agent.probes.contract import Probe, Readings
from device_agent.probes.this_box import boards_of_this_box

__all__ = ["Board", "Probe", "Readings", "boards_of_this_box"]
