"""The live feed: only whoever may see the page hears of it, a frame says nothing but where to look."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import OperationalError
from django.test import Client

from bookings.models import Campaign
from config import live_hub
from config.asgi import application
from crm.models import Assignment
from flows import events
from flows.actors import SYSTEM_ACTOR
from tests.agency import Agency
from tests.plans import waiting_campaign
from tests.websocket import WebsocketCommunicator

ORIGIN = (b"origin", b"http://testserver")
HOST = (b"host", b"testserver")


def cookie_of(client: Client) -> tuple[bytes, bytes]:
    name = settings.SESSION_COOKIE_NAME
    return (b"cookie", f"{name}={client.cookies[name].value}".encode())


@pytest.fixture
def campaign(agency: Agency) -> Campaign:
    return waiting_campaign(agency)


@pytest.fixture
def signed_in(agency: Agency) -> Any:
    def sign_in(name: str) -> Client:
        client = Client()
        client.force_login(agency.person(name))
        return client

    return sign_in


def socket_to(pk: object, *headers: tuple[bytes, bytes], kind: str = "campaign") -> WebsocketCommunicator:
    return WebsocketCommunicator(application, f"/ws/subjects/{kind}/{pk}/", headers=[HOST, *headers])


async def refused(socket: WebsocketCommunicator) -> bool:
    connected, _ = await socket.connect()
    await socket.disconnect()
    return not connected


async def next_seq(socket: WebsocketCommunicator) -> int:
    while True:
        frame = await socket.receive_json_from(timeout=3)
        if "seq" in frame:
            assert set(frame) == {"seq"}
            return int(frame["seq"])


async def test_strangers_and_other_clients_are_refused(campaign: Campaign, signed_in: Any) -> None:
    outsider = await sync_to_async(signed_in)("outsider")
    manager = await sync_to_async(signed_in)("manager")
    assert await refused(socket_to(campaign.pk, ORIGIN))
    assert await refused(socket_to(campaign.pk, ORIGIN, cookie_of(outsider)))
    assert await refused(socket_to(uuid.uuid4(), ORIGIN, cookie_of(manager)))
    assert await refused(socket_to(campaign.pk, ORIGIN, cookie_of(manager), kind="approval"))


@pytest.mark.parametrize("origin", [(), ((b"origin", b"https://evil.example"),)], ids=["none", "foreign"])
async def test_another_site_cannot_listen(campaign: Campaign, signed_in: Any, origin: Any) -> None:
    manager = await sync_to_async(signed_in)("manager")
    assert await refused(socket_to(campaign.pk, cookie_of(manager), *origin))


async def test_a_page_is_told_where_it_stands_and_of_each_move(campaign: Campaign, signed_in: Any) -> None:
    manager = await sync_to_async(signed_in)("manager")
    socket = socket_to(campaign.pk, ORIGIN, cookie_of(manager))
    assert (await socket.connect())[0]
    first = await next_seq(socket)

    def move() -> None:
        events.record(subject_type="campaign", subject_id=campaign.pk, type="test.moved", actor=SYSTEM_ACTOR)

    await sync_to_async(move)()
    assert await next_seq(socket) == first + 1
    await socket.disconnect()


async def test_a_lost_hint_is_made_up_for(campaign: Campaign, signed_in: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(live_hub, "LOOK_AGAIN_EVERY", 0.1)
    monkeypatch.setattr("flows.feed.hint", lambda *args: None)
    manager = await sync_to_async(signed_in)("manager")
    socket = socket_to(campaign.pk, ORIGIN, cookie_of(manager))
    assert (await socket.connect())[0]
    first = await next_seq(socket)

    def move() -> None:
        events.record(subject_type="campaign", subject_id=campaign.pk, type="test.moved", actor=SYSTEM_ACTOR)

    await sync_to_async(move)()
    assert await next_seq(socket) == first + 1
    await socket.disconnect()


async def test_signing_out_closes_the_socket(campaign: Campaign, signed_in: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(live_hub, "LOOK_AGAIN_EVERY", 0.1)
    manager = await sync_to_async(signed_in)("manager")
    socket = socket_to(campaign.pk, ORIGIN, cookie_of(manager))
    assert (await socket.connect())[0]
    await sync_to_async(manager.logout)()
    closed = None
    for _ in range(50):
        message = await socket.receive_output(timeout=3)
        if message["type"] == "websocket.close":
            closed = message["code"]
            break
        await asyncio.sleep(0)
    assert closed == 4401


async def test_what_a_client_sends_is_not_obeyed(campaign: Campaign, signed_in: Any) -> None:
    manager = await sync_to_async(signed_in)("manager")
    socket = socket_to(campaign.pk, ORIGIN, cookie_of(manager))
    assert (await socket.connect())[0]
    await next_seq(socket)
    await socket.send_to(text_data='{"type": "subject.moved", "seq": 999}')
    assert await socket.receive_nothing(timeout=0.3)
    await socket.disconnect()


async def test_many_pages_of_one_campaign_are_all_told(campaign: Campaign, signed_in: Any) -> None:
    manager = await sync_to_async(signed_in)("manager")
    pages = [socket_to(campaign.pk, ORIGIN, cookie_of(manager)) for _ in range(30)]
    connected = await asyncio.gather(*(page.connect() for page in pages))
    assert all(accepted for accepted, _ in connected)
    first = [await next_seq(page) for page in pages]

    def move() -> None:
        for _ in range(20):
            events.record(
                subject_type="campaign", subject_id=campaign.pk, type="test.moved", actor=SYSTEM_ACTOR
            )

    await sync_to_async(move)()
    for page, begin in zip(pages, first, strict=True):
        heard = begin
        while heard < begin + 20:
            heard = await next_seq(page)
    await asyncio.gather(*(page.disconnect() for page in pages))


async def test_pages_of_different_people_are_judged_one_by_one(campaign: Campaign, signed_in: Any) -> None:
    cookies = [
        cookie_of(await sync_to_async(signed_in)(name)) for name in ("manager", "outsider", "ops", "viewer")
    ]
    pages = [socket_to(campaign.pk, ORIGIN, cookie) for cookie in cookies]
    connected = await asyncio.gather(*(page.connect() for page in pages))
    assert [accepted for accepted, _ in connected] == [True, False, True, True]
    await asyncio.gather(*(page.disconnect() for page in pages))


async def test_losing_the_client_closes_the_page_and_nobody_elses(
    agency: Agency, campaign: Campaign, signed_in: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(live_hub, "LOOK_AGAIN_EVERY", 0.1)
    pages = [
        socket_to(campaign.pk, ORIGIN, cookie_of(await sync_to_async(signed_in)(name)))
        for name in ("manager", "viewer")
    ]
    for page in pages:
        assert (await page.connect())[0]
    gone = Assignment.objects.filter(user=agency.person("manager"))
    await sync_to_async(gone.delete)()
    message = {"type": ""}
    while message["type"] != "websocket.close":
        message = await pages[0].receive_output(timeout=3)
    assert message["code"] == 4401
    beats = 0
    while beats < 3:
        beats += "beat" in await pages[1].receive_json_from()
    await pages[1].disconnect()


async def test_a_page_comes_back_after_everybody_had_left(campaign: Campaign, signed_in: Any) -> None:
    manager = await sync_to_async(signed_in)("manager")
    for _ in range(3):
        page = socket_to(campaign.pk, ORIGIN, cookie_of(manager))
        assert (await page.connect())[0]
        await next_seq(page)
        await page.disconnect()


async def test_a_database_that_fails_refuses_the_page_and_not_the_next_one(
    campaign: Campaign, signed_in: Any, monkeypatch: Any
) -> None:
    manager = await sync_to_async(signed_in)("manager")
    look = live_hub.look

    def fails(*_: Any) -> Any:
        raise OperationalError("gone")

    monkeypatch.setattr(live_hub, "look", fails)
    page = socket_to(campaign.pk, ORIGIN, cookie_of(manager))
    with pytest.raises(OperationalError):
        await page.connect()
        await page.wait()
    monkeypatch.setattr(live_hub, "look", look)
    page = socket_to(campaign.pk, ORIGIN, cookie_of(manager))
    assert (await page.connect())[0]
    await next_seq(page)
    await page.disconnect()
