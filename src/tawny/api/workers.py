"""Routes that one worker thread answers whole.

A route that is a plain function runs there with its access rule and parameters, and its answer becomes JSON there: one
change of thread, and neither a slow disk nor a large answer delays other clients. The event loop only moves bytes.
A route that is a coroutine runs on the loop, because it streams or waits for others.
"""

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any, ParamSpec, TypeVar

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.responses import Response

P = ParamSpec("P")
T = TypeVar("T")


async def in_worker(call: Callable[P, T], *args: P.args, **options: P.kwargs) -> T:
    """Return what a call returns that may wait for the disk: it runs here if this is a worker, else in one."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return call(*args, **options)
    return await asyncio.to_thread(call, *args, **options)


class WorkerRoute(APIRoute):
    """A route that runs in a worker if its function is not a coroutine. Its dependencies use `in_worker`."""

    def __init__(self, path: str, endpoint: Callable[..., Any], **options: Any) -> None:
        self._is_for_worker = not iscoroutinefunction(endpoint)
        super().__init__(path, _as_coroutine(endpoint) if self._is_for_worker else endpoint, **options)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        if not self._is_for_worker:
            return handle

        async def handle_in_worker(request: Request) -> Response:
            if self.body_field is not None:
                await request.body()  # only the loop can wait for it; the request keeps it
            return await asyncio.to_thread(_finish, handle(request))

        return handle_in_worker


def _as_coroutine(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(endpoint)
    async def call(*args: Any, **options: Any) -> Any:
        return endpoint(*args, **options)

    return call


def _finish(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that waits for nothing, without a loop, and return its result."""
    try:
        coroutine.send(None)
    except StopIteration as ended:
        result: T = ended.value
        return result
    coroutine.close()
    raise RuntimeError("a route in a worker must not wait: make it a coroutine")
