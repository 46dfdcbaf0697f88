"""Builds the fleet: servers, sellers behind proxies, database, agency, processes. Takes it down again."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from config.local_servers import LocalPostgres, LocalRedis
from simulator.testing import ProcessSeller, running_seller
from tests.faults.fleet import Fleet, Sizes
from tests.faults.proxy import Proxy

# A process that dies keeps what it gave to the system, so fsync may be off. What it had not given yet is lost: with
# synchronous_commit off the harness finds decisions that were answered and are gone.
QUICK = {"fsync": "off", "full_page_writes": "off"}


@contextlib.contextmanager
def running(sizes: Sizes) -> Iterator[Fleet]:
    """A fleet with an agency in its database. Sets this process up to read that database with the product's models."""
    folder = Path(tempfile.mkdtemp(prefix="flightdeck-faults-"))
    folder.chmod(0o755)  # PostgreSQL runs as somebody else where we are root
    postgres, redis = LocalPostgres(folder / "postgres", settings=QUICK), LocalRedis(folder / "redis")
    fleet = Fleet(folder, postgres, redis, sizes)
    with contextlib.ExitStack() as stack:
        stack.callback(_clear_away, folder)
        stack.callback(postgres.stop, "immediate")
        postgres.start()
        stack.callback(redis.stop, "immediate")
        redis.start()
        postgres.make_database()
        _start_sellers(fleet, stack)
        _adopt_database(fleet)
        fleet.keys = _found_agency(fleet)
        stack.callback(fleet.stop)
        fleet.start()
        yield fleet


def _clear_away(folder: Path) -> None:
    if os.environ.get("FAULTS_KEEP"):
        print(f"kept: {folder}", flush=True)
    else:
        shutil.rmtree(folder, ignore_errors=True)


def _start_sellers(fleet: Fleet, stack: contextlib.ExitStack) -> None:
    for slug, dialect, options in (
        ("agent", "seller-agent", {"confirm_after": 0.0}),
        ("direct", "opendirect", {}),
    ):
        seller = stack.enter_context(running_seller(dialect, fleet.folder, process=True, **options))
        assert isinstance(seller, ProcessSeller)
        fleet.sellers[slug] = seller
        fleet.proxies[slug] = Proxy(seller.port)
        stack.callback(fleet.proxies[slug].close)


def _adopt_database(fleet: Fleet) -> None:
    """Environment and Django of this process, which every child inherits."""
    sizes = fleet.sizes
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "tests.faults.settings",
        "DATABASE_URL": fleet.postgres.url(),
        "REDIS_URL": fleet.redis.url(),
        "FLIGHTDECK_VAR": str(fleet.folder / "var"),
        "FLIGHTDECK_UNDO_SECONDS": "0",
        "FLIGHTDECK_LEASE_SECONDS": str(sizes.lease),
        "FLIGHTDECK_CALL_DEADLINE_SECONDS": str(sizes.call_deadline),
        "FLIGHTDECK_SELLER_DEADLINE_SECONDS": str(sizes.seller_deadline),
        "FLIGHTDECK_API_RATE": "1000000/min",
        "FLIGHTDECK_ALLOWED_PRIVATE_SELLERS": ",".join(
            f"127.0.0.1:{proxy.port}" for proxy in fleet.proxies.values()
        ),
        "PYTHONWARNINGS": "ignore",
    }
    os.environ.pop("FAULTS_DIR", None)  # this process is no part of the product
    import django

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)


def _found_agency(fleet: Fleet) -> dict[str, str]:
    from flows.actors import SYSTEM_ACTOR
    from sellers.services import add_seller
    from tests.agency import make_agency

    agency = make_agency()
    for slug, seller in fleet.sellers.items():
        url = seller.url.replace(f":{seller.port}", f":{fleet.proxies[slug].port}")
        add_seller(
            actor=SYSTEM_ACTOR,
            url=url,
            dialect=seller.options.dialect,
            name=slug.title(),
            slug=slug,
            key=seller.client_key,
            agency_id="agency-demo",
            advertiser_id="advertiser-demo",
            account_id="acc-demo" if slug == "direct" else "",
        )
    return {name: agency.keys[name] for name in agency.people}
