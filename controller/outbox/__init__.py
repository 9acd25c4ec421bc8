"""The way out to the gateways and back in."""
