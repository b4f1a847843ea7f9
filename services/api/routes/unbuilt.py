"""Routes that the reference has and this build has not: answered with a 400 that names them, not with a bare 404.

README.md says which issue brings each.
"""

from aiohttp import web

from services.api.call import Answer, Call, Handler
from services.api.endpoint import Route
from services.api.validate.unsupported import refuse

_C = "/collections/{}"
_S = "/collections/{}/shards/{}"

_UNBUILT: dict[str, tuple[str, ...]] = {
    "/telemetry": ("GET",),
    "/issues": ("GET", "DELETE"),
    "/quotas": ("GET", "PUT"),
    "/cluster": ("GET",),
    "/cluster/telemetry": ("GET",),
    "/cluster/recover": ("POST",),
    "/cluster/peer/{}": ("DELETE",),
    "/snapshots": ("GET", "POST"),
    "/snapshots/{}": ("GET", "DELETE"),
    f"{_C}/cluster": ("GET", "POST"),
    f"{_C}/memory": ("GET",),
    f"{_C}/points/discover": ("POST",),
    f"{_C}/points/discover/batch": ("POST",),
    f"{_C}/points/query/groups": ("POST",),
    f"{_C}/points/recommend": ("POST",),
    f"{_C}/points/recommend/batch": ("POST",),
    f"{_C}/points/recommend/groups": ("POST",),
    f"{_C}/points/search/groups": ("POST",),
    f"{_C}/points/search/matrix/offsets": ("POST",),
    f"{_C}/points/search/matrix/pairs": ("POST",),
    f"{_C}/shards": ("GET", "PUT"),
    f"{_C}/shards/delete": ("POST",),
    f"{_C}/snapshots": ("GET", "POST"),
    f"{_C}/snapshots/recover": ("PUT",),
    f"{_C}/snapshots/upload": ("POST",),
    f"{_C}/snapshots/{{}}": ("GET", "DELETE"),
    f"{_S}/snapshot": ("GET",),
    f"{_S}/snapshots": ("GET", "POST"),
    f"{_S}/snapshots/recover": ("PUT",),
    f"{_S}/snapshots/upload": ("POST",),
    f"{_S}/snapshots/{{}}": ("GET", "DELETE"),
}


def _refusing(method: str, pattern: str) -> Handler:
    async def unbuilt(call: Call) -> Answer | web.Response:
        refuse(f"{method} {pattern}")

    return unbuilt


ROUTES = [
    Route(method, pattern, _refusing(method, pattern)) for pattern, methods in _UNBUILT.items() for method in methods
]
