"""Who decides: areas, gateways, bulletins, schedules, broadcasts, people; the web and the way to the gateways."""
