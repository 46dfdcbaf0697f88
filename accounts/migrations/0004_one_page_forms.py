from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_times")]

    operations = [
        migrations.AddField(
            model_name="user",
            name="one_page_forms",
            field=models.BooleanField(default=False),
        ),
    ]
