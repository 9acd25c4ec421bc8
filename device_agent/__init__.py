"""What runs on a gateway at a pole of loudspeakers: hears orders, keeps a plan, plays it, tells the truth.

Deciding is pure (`admission`, `playback`, `core`); doing is thin (`agent`, `player`, `fetcher`, `fleet`).
Imports `wire` and nothing else of ours.
"""

__version__ = "0.1.0"
