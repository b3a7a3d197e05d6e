"""Made-up weather for the sample page: the same for the same day, so that reloads agree."""

from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

DAYS = 5
SUMMARIES = ("Freezing", "Bracing", "Chilly", "Cool", "Mild", "Warm", "Balmy", "Hot", "Scorching")
COLDEST, WARMEST = -15, 38


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One day of sample weather."""

    date: date
    celsius: int
    summary: str

    @property
    def fahrenheit(self) -> int:
        """The temperature in degrees Fahrenheit."""
        return round(self.celsius * 9 / 5 + 32)


def forecast(today: date) -> list[Day]:
    """Return the days after `today`; the summary fits the temperature."""
    return [_day(today + timedelta(days=offset)) for offset in range(1, DAYS + 1)]


def _day(day: date) -> Day:
    # Sample data, nothing that anybody must not guess.
    celsius = Random(day.toordinal()).randint(COLDEST, WARMEST)  # noqa: S311 - see above
    step = (WARMEST - COLDEST + 1) / len(SUMMARIES)
    return Day(date=day, celsius=celsius, summary=SUMMARIES[int((celsius - COLDEST) / step)])
