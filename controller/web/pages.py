"""Puts the pages on the app."""

from fastapi import FastAPI
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.staticfiles import StaticFiles

from controller.services import Services
from controller.web import (
    broadcast,
    compose,
    drills,
    emergency,
    fleet,
    gateway,
    headers,
    log_in,
    problem_pages,
    schedule,
    today,
    week,
)
from controller.web.rendering import HOME


def mount_pages(app: FastAPI) -> None:
    """Add pages, static files, security headers and pages for problems to an app."""
    svc: Services = app.state.services
    app.add_middleware(headers.SecureHeaders, https=svc.settings.https)
    # Only what holds no secrets: a compressed page would tell of its tokens by its length (BREACH).
    app.mount("/static", GZipMiddleware(StaticFiles(directory=HOME / "static")), name="static")
    for feature in (log_in, today, week, compose, broadcast, schedule, fleet, gateway, drills, emergency):
        app.include_router(feature.router)
    problem_pages.install(app)
