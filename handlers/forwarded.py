"""Under which address a gateway reached us: its signature covers that address, and a proxy may stand in between."""

from ipaddress import ip_address, ip_network

from flask import Request

from bot.config import Settings


class Reached:
    """`settings.public_url` where it is set. Else what a trusted proxy says, else the address we listen on."""

    def __init__(self, settings: Settings) -> None:
        self._own = settings.base_url
        trusted = () if settings.public_url else settings.trusted_proxies
        self._trusted = tuple(ip_network(one, strict=False) for one in trusted)

    def url(self, request: Request) -> str:
        """Scheme, host, path and query as the gateway called them; a fragment never travels."""
        query = request.query_string.decode("latin-1")
        return self._base(request) + request.path + ("?" + query if query else "")

    def _base(self, request: Request) -> str:
        if not self._trusted or not self._trusts(request.remote_addr or ""):
            return self._own
        scheme = _last(request, "X-Forwarded-Proto") or "http"
        host = _last(request, "X-Forwarded-Host") or request.headers.get("Host", "")
        return f"{scheme}://{host}"

    def _trusts(self, peer: str) -> bool:
        try:
            address = ip_address(peer)
        except ValueError:
            return False
        address = getattr(address, "ipv4_mapped", None) or address
        return any(address in network for network in self._trusted)


def _last(request: Request, name: str) -> str:
    """What the proxy next to us added; all before it is the caller's own word."""
    return request.headers.get(name, "").rpartition(",")[2].strip()
