"""One worker thread answers a request whole; what would wait for the loop fails."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI
from pydantic import BaseModel

from tawny.api.request_handling import WorkerRoute, in_worker


class Threads(BaseModel):
    rule: str
    body: str
    sent: str = ""


def thread_name() -> str:
    return threading.current_thread().name


async def rule() -> str:
    return await in_worker(thread_name)


async def waits() -> None:
    await asyncio.sleep(0)


router = APIRouter(route_class=WorkerRoute)


@router.get("/plain")
def plain(checked: str = Depends(rule)) -> Threads:
    return Threads(rule=checked, body=thread_name())


@router.post("/plain")
def plain_with_body(sent: Threads, checked: str = Depends(rule)) -> Threads:
    return Threads(rule=checked, body=thread_name(), sent=sent.body)


@router.get("/coroutine")
async def coroutine(checked: str = Depends(rule)) -> Threads:
    return Threads(rule=checked, body=thread_name())


@router.get("/waiting", dependencies=[Depends(waits)])
def waiting() -> Threads:
    raise AssertionError("it waits before")


@contextmanager
def browser() -> Iterator[httpx.AsyncClient]:
    app = FastAPI()
    app.include_router(router)
    yield httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://tawny.test")


async def test_a_plain_route_is_answered_by_one_worker() -> None:
    with browser() as client:
        data = (await client.get("/plain")).json()
        sent = (await client.post("/plain", json={"rule": "", "body": "hello"})).json()
    assert data["rule"] == data["body"] != thread_name()
    assert (sent["rule"], sent["sent"]) == (sent["body"], "hello")


async def test_a_coroutine_runs_on_the_loop_and_its_rule_in_a_worker() -> None:
    with browser() as client:
        data = (await client.get("/coroutine")).json()
    assert (data["body"], data["rule"] != thread_name()) == (thread_name(), True)


async def test_a_plain_route_must_not_wait() -> None:
    with browser() as client, pytest.raises(RuntimeError, match="must not wait"):
        await client.get("/waiting")
