"""Someone speaks now: from a phone's socket to signed packets at the gateways, and to a clip afterwards."""
