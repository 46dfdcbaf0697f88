from __future__ import annotations

from pathlib import Path

from accounts.management.commands.roles import page
from accounts.permissions import RULES


def test_the_page_of_roles_is_the_table(settings) -> None:
    """`manage.py roles` writes it anew."""
    assert (Path(settings.BASE_DIR) / "docs/roles.md").read_text() == page()


def test_every_action_says_what_it_is() -> None:
    assert all(len(rule.what) > 10 for rule in RULES.values())
    assert len({rule.what for rule in RULES.values()}) == len(RULES)
