"""`manage.py seller add|list|disable|enable|probe`: the registry from a terminal.

Exit codes: 0 done, 1 the seller does not answer a probe, 2 the command line is wrong.
"""

from __future__ import annotations

import getpass
import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from flows.actors import SYSTEM, Actor
from sellers import selectors, services
from sellers.models import Dialect, Seller
from sellers.presenting import seller_as_json, status_of

ARGUMENT_OF = {
    "url": "URL",
    "seat_id": "--seat",
    "agency_id": "--agency",
    "advertiser_id": "--advertiser",
    "account_id": "--account",
}
COLUMNS = (("SLUG", 24), ("DIALECT", 13), ("STATUS", 9), ("URL", 44))


class Command(BaseCommand):
    help = "Register sellers and look after them."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="add|list|disable|enable|probe")
        self._add(verbs.add_parser("add", help="Register a seller."))
        listing = verbs.add_parser("list", help="Show every seller.")
        listing.add_argument("--json", action="store_true", dest="as_json", help="One JSON array.")
        for verb, text in (
            ("disable", "Take a seller out of research."),
            ("enable", "Put a seller back."),
            ("probe", "Call a seller and report what it answers."),
        ):
            verbs.add_parser(verb, help=text).add_argument("slug", metavar="SLUG")

    def _add(self, parser: ArgumentParser) -> None:
        parser.add_argument("url", metavar="URL", help="Base URL; OpenDirect includes the version (/v2).")
        parser.add_argument("--dialect", required=True, choices=Dialect.values)
        parser.add_argument("--key", default="", help="API key or token; - reads it from standard input.")
        parser.add_argument("--seat", default="", dest="seat_id", metavar="ID")
        parser.add_argument("--agency", default="", dest="agency_id", metavar="ID")
        parser.add_argument("--advertiser", default="", dest="advertiser_id", metavar="ID")
        parser.add_argument("--account", default="", dest="account_id", metavar="ID")
        parser.add_argument("--name", default="")
        parser.add_argument("--slug", default="")
        parser.add_argument("--currency", default="USD")

    def handle(self, *args: Any, **options: Any) -> None:
        getattr(self, f"do_{options['verb']}")(options)

    def do_add(self, options: dict[str, Any]) -> None:
        fields = [
            "url",
            "dialect",
            "name",
            "seat_id",
            "agency_id",
            "advertiser_id",
            "account_id",
            "slug",
            "currency",
        ]
        try:
            seller = services.add_seller(
                actor=_operator(), key=_key_from(options["key"]), **{name: options[name] for name in fields}
            )
        except services.InvalidSeller as invalid:
            lines = [f"{argument_of(error.field)}: {error.message}" for error in invalid.errors]
            raise CommandError("\n".join(lines), returncode=2) from invalid
        self.stdout.write(f"{seller.slug} registered: {seller.name}, {seller.get_dialect_display()}")

    def do_list(self, options: dict[str, Any]) -> None:
        sellers = list(selectors.list_sellers())
        if options["as_json"]:
            self.stdout.write(
                json.dumps([seller_as_json(seller) for seller in sellers], indent=2, default=str)
            )
            return
        if not sellers:
            self.stdout.write("No sellers yet. Add one with: seller add URL --dialect ...")
            return
        self.stdout.write("  ".join(f"{title:<{width}}" for title, width in COLUMNS).rstrip())
        for seller in sellers:
            cells = (seller.slug, seller.dialect, status_of(seller), seller.base_url)
            row = "  ".join(f"{cell:<{width}}" for cell, (_, width) in zip(cells, COLUMNS, strict=True))
            self.stdout.write(row.rstrip())

    def do_disable(self, options: dict[str, Any]) -> None:
        seller = services.disable_seller(seller_id=_seller(options["slug"]).pk, actor=_operator())
        self.stdout.write(f"{seller.slug} is disabled.")

    def do_enable(self, options: dict[str, Any]) -> None:
        seller = services.enable_seller(seller_id=_seller(options["slug"]).pk, actor=_operator())
        self.stdout.write(f"{seller.slug} is enabled.")

    def do_probe(self, options: dict[str, Any]) -> None:
        seller = _seller(options["slug"])
        result = services.probe_seller(seller_id=seller.pk, actor=_operator())
        if not result.ok:
            raise CommandError(f"{seller.slug} fails: {result.summary}", returncode=1)
        self.stdout.write(f"{seller.slug} answers in {result.latency_ms:g} ms: {result.summary}")
        for row in result.detail.get("skipped", []):
            self.stdout.write(f"  skipped {row}")


def argument_of(field: str) -> str:
    """The argument of the command line that a field came from."""
    return ARGUMENT_OF.get(field, f"--{field}")


def _seller(slug: str) -> Seller:
    try:
        return selectors.seller_by_slug(slug)
    except Seller.DoesNotExist as missing:
        known = ", ".join(seller.slug for seller in selectors.list_sellers()) or "none"
        raise CommandError(f"SLUG: there is no seller {slug!r}. Known: {known}.", returncode=2) from missing


def _key_from(argument: str) -> str:
    return sys.stdin.readline().strip("\r\n") if argument == "-" else argument


def _operator() -> Actor:
    """Whoever runs the process: the terminal has no login of ours."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = "unknown"
    return Actor(SYSTEM, f"terminal:{name}"[:64], f"{name} at the terminal"[:160])
