"""Limits that a new installation starts with; ops change them in the admin."""

from decimal import Decimal

from django.db import migrations

CURRENCIES = ("USD", "EUR", "GBP")


def add_defaults(apps, schema_editor):
    policies = apps.get_model("approvals", "ApprovalPolicy")
    for currency in CURRENCIES:
        policies.objects.get_or_create(
            kind="media_plan",
            currency=currency,
            defaults={"self_approval_limit": Decimal(10_000), "auto_approve_limit": Decimal(5_000)},
        )


def remove_defaults(apps, schema_editor):
    apps.get_model("approvals", "ApprovalPolicy").objects.filter(kind="media_plan", currency__in=CURRENCIES).delete()


class Migration(migrations.Migration):
    dependencies = [("approvals", "0001_initial")]
    operations = [migrations.RunPython(add_defaults, remove_defaults)]
