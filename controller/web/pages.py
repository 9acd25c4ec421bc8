"""Puts the pages on the app."""

from fastapi import FastAPI


def mount_pages(app: FastAPI) -> None:
    """Add pages and static files to an app."""
    _ = app
