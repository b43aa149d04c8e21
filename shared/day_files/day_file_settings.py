"""Declares the settings of day files."""

from dataclasses import dataclass

from shared import setting_readers as readers
from shared.setting_sources import setting

OLDEST_DAYS_MIN = 60  # no sender's event is older when it arrives
CLOSE_DAYS_MAX = 36_500


def close_days(value: str) -> int:
    """Reads after how many days events go into files; 0 for never."""
    days = readers.between(0, CLOSE_DAYS_MAX)(value)
    if 0 < days < OLDEST_DAYS_MIN:
        raise ValueError(f"must be 0, or at least {OLDEST_DAYS_MIN}")
    return days


@dataclass(frozen=True, kw_only=True)
class DayFileSettings:
    """Where day files are, and when events go there."""

    day_files: str = setting(
        "WAYBILL_DAY_FILES",
        readers.absolute_path,
        "Folder in which workers write day files. They and the console need it under this path. "
        "Empty: none.",
        "",
    )
    close_after_days: int = setting(
        "WAYBILL_CLOSE_AFTER_DAYS",
        close_days,
        "After how many days events go from PostgreSQL into day files: at least 60. 0: never.",
        "0",
    )
