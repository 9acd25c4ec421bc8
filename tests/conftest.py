"""What holds for every test."""

from hypothesis import settings

# A try that took long says that the machine was busy, not that the code is wrong.
settings.register_profile("patient", parent=settings.default, deadline=None)
settings.load_profile("patient")
