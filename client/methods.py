"""Plans as methods: one definition of a call becomes the same method of both clients."""

import inspect
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from functools import update_wrapper
from typing import Any, Concatenate, ParamSpec, TypeVar, get_args, get_origin

from client.drivers import AsyncDriver, Driver
from client.plans import Feed, Plan, Tell

P = ParamSpec("P")
T = TypeVar("T")


class AsyncGroup:
    """Calls about one noun, for those who await."""

    def __init__(self, driver: AsyncDriver) -> None:
        self._driver = driver


class Group:
    """Calls about one noun, for those who block."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver


def awaited(plan: Callable[P, Plan[T]]) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]:
    """The plan as a method to await."""

    async def method(self: AsyncGroup, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._driver.run(plan(*args, **kwargs))

    return _like(method, plan, _value(plan))


def called(plan: Callable[P, Plan[T]]) -> Callable[Concatenate[Any, P], T]:
    """The plan as a method to call."""

    def method(self: Group, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._driver.run(plan(*args, **kwargs))

    return _like(method, plan, _value(plan))


def awaited_each(feed: Callable[P, Feed[T]]) -> Callable[Concatenate[Any, P], AsyncIterator[T]]:
    """The feed as a method for `async for`."""

    def method(self: AsyncGroup, /, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[T]:
        return self._driver.iterate(feed(*args, **kwargs))

    return _like(method, feed, AsyncIterator[_item(feed)])  # type: ignore[misc]


def each(feed: Callable[P, Feed[T]]) -> Callable[Concatenate[Any, P], Iterator[T]]:
    """The feed as a method for `for`."""

    def method(self: Group, /, *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        return self._driver.iterate(feed(*args, **kwargs))

    return _like(method, feed, Iterator[_item(feed)])  # type: ignore[misc]


M = TypeVar("M", bound=Callable[..., Any])


def _like(method: M, plan: Callable[..., Any], returns: Any) -> M:
    """The method with the plan's name, documentation and parameters, for `help()` and editors."""
    update_wrapper(method, plan)
    method.__name__ = plan.__name__.rstrip("_")
    signature = inspect.signature(plan)
    own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    method.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[own, *signature.parameters.values()], return_annotation=returns
    )
    return method


def _value(plan: Callable[..., Any]) -> Any:
    """What a Plan ends with."""
    return get_args(inspect.signature(plan).return_annotation)[2]


def _item(feed: Callable[..., Any]) -> Any:
    """What a Feed tells."""
    steps = get_args(get_args(inspect.signature(feed).return_annotation)[0])
    return next(get_args(step)[0] for step in steps if get_origin(step) is Tell)
