"""Alerts by the Common Alerting Protocol (CAP 1.2): in, decided on, and out."""
