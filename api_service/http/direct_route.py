"""A route for what is asked most, by far: polls. What FastAPI solves for each parameter is half of their cost."""

from collections.abc import Callable, Coroutine
from typing import Any
from uuid import UUID

from fastapi import Request, Response
from fastapi.routing import APIRoute

from shared.errors import NotFoundError


class DirectRoute(APIRoute):
    """Calls `endpoint(request, id)` with the one id of its path; the endpoint reads the rest from the request."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler without dependencies; what is no id is the id of nothing."""
        endpoint = self.endpoint

        async def handle(request: Request) -> Response:
            (text,) = request.path_params.values()
            try:
                key = UUID(text)
            except ValueError:
                raise NotFoundError from None
            response: Response = await endpoint(request, key)
            return response

        return handle
