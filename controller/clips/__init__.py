"""Prepared audio and how gateways get it."""
