"""Check every hash chain of the event stream; name the first bad position of each broken one."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from flows.events import first_bad_position
from flows.models import Event, EventChain


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--subject", help="only this one, as type:id")

    def handle(self, *args: Any, **options: Any) -> None:
        bad = 0
        subjects = _subjects(options["subject"])
        for subject_type, subject_id in subjects:
            found = first_bad_position(subject_type, subject_id)
            if found is not None:
                bad += 1
                self.stderr.write(f"{subject_type}:{subject_id} position {found[0]}: {found[1]}")
        if bad:
            self.stderr.write(self.style.ERROR(f"{bad} of {len(subjects)} chains do not hold."))
            sys.exit(1)
        self.stdout.write(self.style.SUCCESS(f"{len(subjects)} chains hold."))


def _subjects(only: str | None) -> list[tuple[str, str]]:
    """From the events and from the heads: deleting either side of a chain must not hide it."""
    if only:
        kind, _, subject_id = only.partition(":")
        return [(kind, subject_id)]
    named = set(Event.objects.values_list("subject_type", "subject_id").distinct())
    named |= set(EventChain.objects.values_list("subject_type", "subject_id"))
    return sorted(named)
