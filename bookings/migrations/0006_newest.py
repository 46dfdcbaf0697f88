from django.db import migrations, models


class Migration(migrations.Migration):
    """A client's campaigns in one state, newest first: else a rare state is looked for through all of them."""

    dependencies = [("bookings", "0005_budget_kept")]

    operations = [
        migrations.AddIndex(
            model_name="campaign",
            index=models.Index(
                fields=["organization", "status", "-created_at", "-id"], name="campaign_of_client_by_status"
            ),
        ),
    ]
