"""How files name a place of appointments, and what kind of place that is: "Home visit Mirriah" is at home, in Mirriah."""

KINDS = {"Office": "office", "Training site": "training", "Home visit": "home", "Phone call": "phone"}
WITHOUT_TRIP = ("home", "phone")


def read(words: str) -> tuple[str, str, str]:
    """Kind, name of the place, and detail: of homes the village is no part of the name, for they share one day list."""
    for prefix, kind in KINDS.items():
        if words == prefix or words.startswith(f"{prefix} "):
            rest = words.removeprefix(prefix).strip()
            return (kind, prefix, rest) if kind in WITHOUT_TRIP else (kind, words.strip(), "")
    return "other", words.strip(), ""


def written(name: str, detail: str) -> str:
    """The same words back."""
    return f"{name} {detail}".strip()
