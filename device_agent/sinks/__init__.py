"""Where sound goes: a paced file for tests and the demo, a sound device at a pole."""

from device_agent.sinks.contract import BLOCK_FRAMES, RATE, SILENCE, Block, Sink, SinkError

__all__ = ["BLOCK_FRAMES", "RATE", "SILENCE", "Block", "Sink", "SinkError"]
