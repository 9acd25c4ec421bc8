"""The registry: gateways, how they are, what they refused."""
