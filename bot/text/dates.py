"""Dates as people read them: day and month in figures, weekdays in words."""

from datetime import date

_WEEKDAYS = {
    "fr": ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
    "ha": ("Litinin", "Talata", "Laraba", "Alhamis", "Jumma'a", "Asabar", "Lahadi"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}


def day_month(day: date) -> str:
    """12 October is "12/10": day first, in every language."""
    return f"{day.day:02}/{day.month:02}"


def weekday(day: date, language: str, *, capital: bool = False) -> str:
    """One of "lundi", "Litinin", "Monday"; French where a language has no names here.

    `capital` for the start of a line.
    """
    name = _WEEKDAYS.get(language, _WEEKDAYS["fr"])[day.weekday()]
    return name.capitalize() if capital else name


def weekday_day_month(day: date, language: str, *, capital: bool = False) -> str:
    """The weekday with its date: "lundi 30/11"."""
    return f"{weekday(day, language, capital=capital)} {day_month(day)}"
