"""What a run says of a row is forgotten with the row, in the statement that deletes it: a trigger
costs one update for any number of rows, and sees raw SQL too."""

from django.db import migrations

TABLES = (
    "memories_memory",
    "memories_actionitem",
    "conversations_omisession",
    "conversations_message",
)

FUNCTION = """
CREATE FUNCTION prompts_forget_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE prompts_promptrun SET rendered = '', answer = ''
    WHERE about && (SELECT array_agg(id) FROM gone);
    RETURN NULL;
END $$
"""


def trigger(table):
    return (
        f"CREATE TRIGGER prompts_forget_words AFTER DELETE ON {table}"
        " REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION prompts_forget_words()",
        f"DROP TRIGGER prompts_forget_words ON {table}",
    )


class Migration(migrations.Migration):
    dependencies = [
        ("prompts", "0001_initial"),
        ("memories", "0001_initial"),
        ("conversations", "0001_initial"),
    ]
    operations = [
        migrations.RunSQL(FUNCTION, "DROP FUNCTION prompts_forget_words()"),
        *(migrations.RunSQL(*trigger(table)) for table in TABLES),
    ]
