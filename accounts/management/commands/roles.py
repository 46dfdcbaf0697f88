"""Write docs/roles.md from the table that the checks read: who may do what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from accounts.permissions import RULES
from accounts.roles import Role

PAGE = Path("docs/roles.md")
HEAD = """# Roles

Written by `manage.py roles` from `accounts/permissions.py`, the one table that pages, REST, navigation and this page
are made from. An API key may do what one of its scopes and the role of its user both allow. On top of it come the
rules of objects: everybody but finance and operations sees the clients that they are assigned to and no others (to
them those do not exist); who prepared a plan approves it up to a limit of campaign and day; above a second limit
several people approve the same lines, the preparer never being one of them. Administration never includes deciding.
"""


class Command(BaseCommand):
    help = __doc__ or ""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--print", action="store_true", help="print it and write nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["print"]:
            self.stdout.write(page())
            return
        (settings.BASE_DIR / PAGE).write_text(page())


def page() -> str:
    names = [role.label for role in Role]
    rows = ["| | " + " | ".join([*names, "scopes"]) + " |", "| --- |" + " :---: |" * len(names) + " --- |"]
    for action, rule in RULES.items():
        marks = ["yes" if role in rule.roles else "" for role in Role]
        scopes = " ".join(f"`{scope}`" for scope in sorted(rule.scopes))
        rows.append("| " + " | ".join([f"{rule.what} (`{action}`)", *marks, scopes]) + " |")
    meanings = [f"- **{role.label}**: {role.meaning}" for role in Role]
    return "\n".join([HEAD, *meanings, "", *rows]) + "\n"
