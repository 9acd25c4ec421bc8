"""What ``loacast-agent`` can do, a module for each command; `device_agent.__main__` has their options."""
