"""Periods of the past that trends are told of; standard library only, so that the command's help is quick."""

from enum import StrEnum


class Span(StrEnum):
    """How far back one looks."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
