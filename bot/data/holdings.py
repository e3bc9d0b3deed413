"""What a file that comes in may hold: cases, or what became of them, a line each; which columns, and which a line needs."""

from dataclasses import dataclass

from bot.cases import reading
from bot.cases.visits import FINDINGS, WAYS

CHOICES = reading.CHOICES | {"present": ("yes", "no"), "way": WAYS, "finding": FINDINGS}
DAYS = reading.DAYS | {"starts_on", "day", "ordered_on", "expected_on", "arrived_on", "collected_on"}


@dataclass(frozen=True, slots=True)
class Holding:
    """`table`: where each good line of such a file has one row."""

    columns: tuple[str, ...]
    needed: frozenset[str]
    table: str


HOLDINGS = {
    "cases": Holding(reading.COLUMNS, reading.NEEDED, "cases"),
    "attendance": Holding(
        ("case_number", "training_type", "place", "starts_on", "day", "present"),
        frozenset({"case_number", "training_type", "place", "starts_on", "day", "present"}),
        "training_days",
    ),
    "kits": Holding(
        ("case_number", "kit_type", "ordered_on", "items", "expected_on", "arrived_on", "collected_on"),
        frozenset({"case_number", "kit_type", "ordered_on"}),
        "kits",
    ),
    "visits": Holding(
        ("case_number", "day", "way", "finding"), frozenset({"case_number", "day", "way", "finding"}), "visits"
    ),
}
