"""The two calls of Render's API that the scaler needs: how many instances a service has, and to have so many.

Facts of https://api-docs.render.com: bearer key; `POST /v1/services/{id}/scale {"numInstances"}` answers 202, and is
ignored while Render's own autoscaling is on; 30 changes and 400 reads a minute; 429 comes with `Ratelimit-Reset`.
"""

import time
from dataclasses import dataclass
from typing import Any, Final

import httpx

API: Final = "https://api.render.com"
MOST_INSTANCES: Final = 100

_EPOCH: Final = (
    1_000_000_000  # a reset beyond this is a time, below it a number of seconds: Render shows both
)
_LONGEST_S: Final = 3_600.0
_HINTS: Final = {
    401: "Check RENDER_API_KEY.",
    403: "The key's account may not change this service.",
    404: "Check --service: the id of the worker, srv-…, as the dashboard's address shows it.",
}


class RenderError(Exception):
    """Render did not do it; `retry_after_s` where it says when to ask again, `final` where asking again is vain."""

    def __init__(self, detail: str, *, retry_after_s: float = 0.0, final: bool = False) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s
        self.final = final


@dataclass(frozen=True, slots=True)
class Service:
    """A service as Render has it; `instances` is what it is set to, which is what will run in a moment."""

    name: str
    instances: int
    autoscaled: bool
    suspended: bool


class RenderApi:
    """Asks Render; raises RenderError, whose text never holds the key."""

    def __init__(self, key: str, service: str, *, url: str = API) -> None:
        """`service`: its id, `srv-…`. Close it afterwards."""
        self._http = httpx.AsyncClient(
            base_url=url,
            timeout=15.0,
            headers={"Authorization": f"Bearer {key}", "Accept": "application/json"},
        )
        self._path = f"/v1/services/{service}"

    async def service(self) -> Service:
        """The service now."""
        answer = await self._ask("GET", self._path)
        try:
            found = answer.json()
            details = found["serviceDetails"]
            return Service(
                name=str(found["name"]),
                instances=int(details["numInstances"]),
                autoscaled=bool((details.get("autoscaling") or {}).get("enabled")),
                suspended=found.get("suspended") == "suspended",
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise RenderError(
                f"Render's answer is none about a service with instances ({error!r})."
            ) from None

    async def scale(self, instances: int) -> None:
        """Have so many instances."""
        await self._ask("POST", f"{self._path}/scale", {"numInstances": instances})

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> httpx.Response:
        try:
            answer = await self._http.request(method, path, json=body)
        except httpx.HTTPError as error:
            raise RenderError(f"Render does not answer ({type(error).__name__}).") from None
        if answer.is_success:
            return answer
        status = answer.status_code
        raise RenderError(
            f"Render refused {method} {path} with {status}. {_HINTS.get(status, '')}".rstrip(),
            retry_after_s=_asked_to_wait(answer.headers),
            final=status in _HINTS,
        )


def _asked_to_wait(headers: httpx.Headers) -> float:
    """Seconds that an answer asks for, an hour at most; 0 where it asks for nothing that can be read."""
    for name in ("Retry-After", "Ratelimit-Reset"):
        try:
            value = float(headers[name])
        except (KeyError, ValueError):
            continue
        seconds = value - time.time() if value > _EPOCH else value
        return min(max(seconds, 0.0), _LONGEST_S)
    return 0.0
