"""PostgreSQL would compress a long body before the sender gets its answer, which costs a tenth of
it. The row is to be kept for some weeks only."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("webhooks", "0001_initial")]
    operations = [
        migrations.RunSQL(
            "ALTER TABLE webhooks_delivery ALTER COLUMN body SET STORAGE EXTERNAL",
            "ALTER TABLE webhooks_delivery ALTER COLUMN body SET STORAGE EXTENDED",
        )
    ]
