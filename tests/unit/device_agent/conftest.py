"""Fixtures of the agent's unit tests."""

from support.agent_fixtures import media

__all__ = ["media"]
