"""Drills: an emergency that is rehearsed at a time told beforehand, quieter, announced as one, and scored."""
