"""Who decides: areas, gateways, bulletins, schedules, broadcasts, people, and the way to the gateways."""
