from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_saved_views")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="timezone",
            field=models.CharField(default="UTC", max_length=64),
        ),
        migrations.AddField(
            model_name="user",
            name="times",
            field=models.CharField(
                choices=[("campaign", "Campaign's zone"), ("own", "My zone"), ("utc", "UTC")],
                default="campaign",
                max_length=8,
            ),
        ),
    ]
