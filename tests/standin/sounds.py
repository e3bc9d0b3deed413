"""Voice notes as the gateways give them out: each shows the way to a store of its own, which plays them."""

from typing import Any

from tests.standin import meta

Answer = tuple[int, Any, dict[str, str]]
Sounds = dict[str, tuple[bytes, str]]


def answer(path: str, sounds: Sounds, *, store: str, credentials: str) -> Answer:
    """`store` is the address of whoever plays; `credentials` the Authorization of the call, "" without."""
    if path.startswith(meta.VERSION):
        sound = path.removeprefix(meta.VERSION)
        if not credentials.startswith("Bearer "):
            return 401, meta.error(190), {}
        told = {"messaging_product": "whatsapp", "id": sound, "url": f"{store}/store/meta/{sound}"}
        return (200, told, {}) if sound in sounds else (400, meta.error(100), {})
    if "/Messages/" in path:
        sound = path.partition("/Messages/")[2]
        if not credentials.startswith("Basic "):
            return 401, {}, {}
        return (307, "", {"Location": f"{store}/store/twilio/{sound}"}) if sound in sounds else (404, {}, {})
    gateway, _, sound = path.removeprefix("/store/").partition("/")
    # Meta's store wants our token, Twilio's must never see it
    if not (credentials.startswith("Bearer ") if gateway == "meta" else not credentials):
        return 401, {}, {}
    data, media_type = sounds[sound]
    return 200, data, {"Content-Type": media_type}


def is_sound(path: str) -> bool:
    """A path that `answer` knows."""
    return path.startswith((meta.VERSION, "/store/")) or ("/Messages/" in path and "/Media/" in path)


def gateway_of(path: str) -> str:
    """Whose fault it would be."""
    return "twilio" if "/Media/" in path else "meta"
