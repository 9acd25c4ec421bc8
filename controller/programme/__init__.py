"""When and where bulletins are played."""
