"""Charts with a column a month, as the templates draw them."""

from collections.abc import Sequence
from dataclasses import dataclass

TOP, FLOOR = 22, 138  # the chart's own pixels: room for the figures above, for the months below


@dataclass(frozen=True, slots=True)
class Bar:
    """A month of a chart: place and height in percent and pixels, what it says."""

    x: float
    middle: float
    y: float
    height: float
    figure: str
    month: str


def columns(months: Sequence[tuple[float, str, str]]) -> list[Bar]:
    """A column for each value, with its figure and the name of its month; the largest value has the full height."""
    most, step = max((value for value, _, _ in months), default=0) or 1, 100 / max(1, len(months))
    return [
        Bar(
            x=round(place * step + step / 6, 2),
            middle=round(place * step + step / 2, 2),
            y=round(FLOOR - value / most * (FLOOR - TOP), 1),
            height=round(value / most * (FLOOR - TOP), 1),
            figure=figure,
            month=month,
        )
        for place, (value, figure, month) in enumerate(months)
    ]
