"""Lĩnh vực: what a bulletin is about. The words are in ``controller/web/locales`` under ``category.*``."""

from enum import StrEnum


class Category(StrEnum):
    """The fields that commune stations report by."""

    POLITICS = "politics"
    LAW = "law"
    SECURITY = "security"
    DEFENCE = "defence"
    FARMING = "farming"
    WEATHER = "weather"
    HEALTH = "health"
    EDUCATION = "education"
    CULTURE = "culture"
    JOBS = "jobs"
    ETHNIC = "ethnic"
    WELFARE = "welfare"
    DIGITAL = "digital"
    ENVIRONMENT = "environment"
    NOTICE = "notice"
    FEEDBACK = "feedback"
    MUSIC = "music"
