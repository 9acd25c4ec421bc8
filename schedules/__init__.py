"""When things are played: rules, quiet hours, conflicts, an alarm clock. Pure but for `engine`."""
