"""The demonstration agency: people, a client, API keys and two simulated sellers. Only `manage.py demo` uses it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.db import transaction

from accounts.models import ApiKey, User
from accounts.permissions import scopes_of
from accounts.roles import Role
from crm.models import Assignment, Organization
from flows.actors import SYSTEM_ACTOR
from sellers.models import Seller
from sellers.services import add_seller, probe_seller

CLIENT = ("aurora-outdoor", "Aurora Outdoor")
PEOPLE = (
    ("manager", "Maya Lindt", Role.MANAGER),
    ("approver", "Ana Ruiz", Role.APPROVER),
    ("finance", "Farid Osman", Role.FINANCE),
    ("ops", "Oskar Berg", Role.OPS),
    ("viewer", "Vera Aurora", Role.CLIENT_VIEWER),
    ("client", "Aurora planning tool", Role.API_CLIENT),
)
SELLER_START_LIMIT = 15.0


@dataclass(frozen=True)
class DemoSeller:
    slug: str
    name: str
    dialect: str
    port_offset: int
    path: str
    key: str
    identity: Mapping[str, Any]
    arguments: tuple[str, ...]


SELLERS = (
    DemoSeller(
        slug="premium-publisher",
        name="Premium Publisher Network",
        dialect="seller-agent",
        port_offset=101,
        path="",
        key="ask_live_demo_advertiser",
        identity={"seat_id": "seat-ttd-1", "agency_id": "agency-demo", "advertiser_id": "advertiser-demo"},
        arguments=("--confirm-after", "1.5", "--malformed", "2"),
    ),
    DemoSeller(
        slug="northlight",
        name="Northlight Media",
        dialect="opendirect",
        port_offset=102,
        path="/v2",
        key="demo-northlight-token",
        identity={"agency_id": "agency-demo", "advertiser_id": "advertiser-demo", "account_id": "acc-demo"},
        arguments=("--async-after", "1.0", "--malformed", "2"),
    ),
)


def demo_dir() -> Path:
    return Path(settings.VAR_DIR) / "demo"


def origins(port: int) -> list[str]:
    """host:port of the two sellers: what the demo allows in FLIGHTDECK_ALLOWED_PRIVATE_SELLERS."""
    return [f"127.0.0.1:{port + seller.port_offset}" for seller in SELLERS]


def start_sellers(port: int) -> list[subprocess.Popen[bytes]]:
    """Each seller is a process of its own; it ends when this one does, and keeps its state in a file."""
    demo_dir().mkdir(parents=True, exist_ok=True)
    started = []
    for seller in SELLERS:
        if _answers(port + seller.port_offset):
            continue
        key = f"{seller.key}=advertiser:seat=seat-ttd-1,agency=agency-demo,advertiser=advertiser-demo,account=acc-demo"
        command = [sys.executable, "-m", "simulator", "--dialect", seller.dialect, "--name", seller.name]
        command += [
            "--port",
            str(port + seller.port_offset),
            "--state",
            str(demo_dir() / f"{seller.slug}.sqlite3"),
        ]
        command += ["--key", key, "--exit-with-parent", *seller.arguments]
        # A group of its own: Ctrl-C is for us, and we end the sellers after our own last calls to them.
        started.append(subprocess.Popen(command, cwd=settings.BASE_DIR, start_new_session=True))  # noqa: S603
    return started


def wait_for_sellers(port: int) -> None:
    until = time.monotonic() + SELLER_START_LIMIT
    for seller in SELLERS:
        while not _answers(port + seller.port_offset):
            if time.monotonic() > until:
                raise TimeoutError(f"{seller.name} did not start on port {port + seller.port_offset}.")
            time.sleep(0.05)


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health", timeout=1, trust_env=False).status_code < 500
    except httpx.HTTPError:
        return False


def seed(port: int) -> bool:
    """People, client, keys and sellers, once; the sellers' addresses follow the port. True at the first start."""
    with transaction.atomic():
        first = not User.objects.filter(username=PEOPLE[0][0]).exists()
        client, _ = Organization.objects.get_or_create(
            slug=CLIENT[0], defaults={"name": CLIENT[1], "lifecycle": "client"}
        )
        # One hash for all: it is slow on purpose.
        hashed = make_password(settings.FLIGHTDECK_DEMO_PASSWORD) if first else ""
        users = [_person(*person, client, hashed) for person in PEOPLE]
        _sellers(port)
    if first or not (demo_dir() / "keys.json").exists():
        _issue_keys(users)
    return first


def probe_new_sellers() -> None:
    """So that the sellers' page has something to say from the first day."""
    for seller in Seller.objects.filter(probed_at=None, slug__in=[demo.slug for demo in SELLERS]):
        probe_seller(seller_id=seller.pk, actor=SYSTEM_ACTOR)


def _person(username: str, name: str, role: Role, client: Organization, hashed: str) -> User:
    first_name, _, last_name = name.partition(" ")
    user, created = User.objects.get_or_create(
        username=username,
        defaults={
            "first_name": first_name,
            "last_name": last_name,
            "email": f"{username}@flightdeck.example",
            "role": role,
            "is_staff": role == Role.OPS,
            "is_superuser": role == Role.OPS,
            "password": hashed,
        },
    )
    if created:
        Assignment.objects.get_or_create(organization=client, user=user)
    return user


def _sellers(port: int) -> None:
    for demo in SELLERS:
        url = f"http://127.0.0.1:{port + demo.port_offset}{demo.path}"
        seller = Seller.objects.filter(slug=demo.slug).first()
        if seller is None:
            add_seller(
                actor=SYSTEM_ACTOR,
                url=url,
                dialect=demo.dialect,
                name=demo.name,
                slug=demo.slug,
                key=demo.key,
                **demo.identity,
            )
        elif seller.base_url != url:
            seller.base_url, seller.api_key, seller.key_origin = url, demo.key, ""
            seller.save()


def _issue_keys(users: list[User]) -> None:
    """One key per role, readable only by whoever runs the demo."""
    keys: dict[str, Any] = {}
    for user in users:
        ApiKey.objects.filter(user=user, name="demo").delete()
        _, secret = ApiKey.issue(user=user, name="demo", scopes=scopes_of(user.role), expires_at=None)
        keys[user.username] = {"role": user.role, "key": secret}
    path = demo_dir() / "keys.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(keys, file, indent=2)


def client_key() -> str:
    keys = json.loads((demo_dir() / "keys.json").read_text())
    return str(keys["client"]["key"])
