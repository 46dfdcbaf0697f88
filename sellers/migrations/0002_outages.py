"""Outages as rows. On PostgreSQL an exclusion constraint keeps two outages of one seller apart in time.

A gist index on a plain uuid needs the extension btree_gist, which not every server has; a range type over uuid does
the same with what PostgreSQL brings along.
"""

import django.db.models.deletion
import flows.ids
from django.db import migrations, models

APART = """
CREATE TYPE flightdeck_uuidrange AS RANGE (subtype = uuid);
ALTER TABLE sellers_selleroutage ADD CONSTRAINT outages_of_a_seller_apart EXCLUDE USING gist (
    flightdeck_uuidrange(seller_id, seller_id, '[]') WITH &&,
    tstzrange(began_at, ended_at) WITH &&
);
"""
GONE = """
ALTER TABLE sellers_selleroutage DROP CONSTRAINT outages_of_a_seller_apart;
DROP TYPE flightdeck_uuidrange;
"""


def keep_apart(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(APART, params=None)


def let_go(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(GONE, params=None)


class Migration(migrations.Migration):

    dependencies = [
        ("sellers", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="SellerOutage",
            fields=[
                ("id", models.UUIDField(default=flows.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("began_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                ("reason", models.CharField(max_length=60)),
                ("calls_failed", models.PositiveIntegerField(default=0)),
                ("seller", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="outages", to="sellers.seller")),
            ],
            options={
                "ordering": ["-began_at"],
            },
        ),
        migrations.AddConstraint(
            model_name="selleroutage",
            constraint=models.UniqueConstraint(condition=models.Q(("ended_at__isnull", True)), fields=("seller",), name="one_open_outage_per_seller"),
        ),
        migrations.AddConstraint(
            model_name="selleroutage",
            constraint=models.CheckConstraint(condition=models.Q(("ended_at__isnull", True), ("ended_at__gt", models.F("began_at")), _connector="OR"), name="outage_ends_after_it_began"),
        ),
        migrations.AddIndex(
            model_name="selleroutage",
            index=models.Index(fields=["seller", "-began_at"], name="outage_by_seller"),
        ),
        migrations.AddIndex(
            model_name="exchange",
            index=models.Index(fields=["at"], name="exchange_by_age"),
        ),
        migrations.RunPython(keep_apart, let_go),
    ]
