"""A person's time zone is theirs everywhere, so it moves from what they want to be told to the person."""

from django.db import migrations


def to_the_person(apps, schema_editor):
    for row in (
        apps.get_model("notifications", "Preference").objects.exclude(timezone="UTC").select_related("user")
    ):
        row.user.timezone = row.timezone
        row.user.save(update_fields=["timezone"])


def to_the_preference(apps, schema_editor):
    for row in apps.get_model("notifications", "Preference").objects.select_related("user"):
        row.timezone = row.user.timezone
        row.save(update_fields=["timezone"])


class Migration(migrations.Migration):
    dependencies = [("notifications", "0002_client_answered"), ("accounts", "0003_times")]

    operations = [
        migrations.RunPython(to_the_person, to_the_preference),
        migrations.RemoveField(model_name="preference", name="timezone"),
    ]
