"""Alembic revisions, inside the package so that the wheel ships them."""
