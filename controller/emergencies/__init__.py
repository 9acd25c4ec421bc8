"""Telling everyone now: emergencies, their repeats, their end, and who has heard them."""
