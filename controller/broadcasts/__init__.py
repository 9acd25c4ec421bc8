"""Broadcasts and their deliveries: from planned to proof."""
