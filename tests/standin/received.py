"""What a stand-in took."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Received:
    """One message that was taken. `at` is seconds since 1970."""

    gateway: str
    to: str
    text: str
    at: float
    sender: str
    external_id: str
    status_url: str = ""
    body: dict[str, Any] = field(default_factory=dict)  # Meta's
