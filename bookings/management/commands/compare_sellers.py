"""`manage.py compare_sellers [--seller SLUG]`: start the comparison of the sellers' records with ours."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from bookings.comparing.run import start_comparison
from flows.actors import SYSTEM_ACTOR
from sellers.models import Seller


class Command(BaseCommand):
    help = "Start reading what the sellers hold for us. A worker does it; the findings are on the operations page."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--seller", metavar="SLUG", help="only this one; else every enabled seller")

    def handle(self, *args: Any, **options: Any) -> None:
        wanted = options["seller"]
        sellers = Seller.objects.filter(slug=wanted) if wanted else Seller.objects.filter(enabled=True)
        if wanted and not sellers.exists():
            raise CommandError(f"There is no seller with the slug {wanted!r}.")
        for seller in sellers.order_by("slug"):
            comparison = start_comparison(seller=seller, actor=SYSTEM_ACTOR)
            state = comparison.get_status_display() if comparison else "A run ended at this moment"
            self.stdout.write(f"{seller.slug}: {state}")
