# Without the extension pgvector nothing of this can be made: the first step says so.

import django.db.models.deletion
import django.db.models.functions.datetime
import omibackend.core.work.effects
from django.db import migrations, models
from pgvector.django import VectorExtension, VectorField

from memories.semantic.requirements import demand

# Of the database's own making, so that no writer of memories can forget it.
FOLLOW = """
ALTER TABLE semantic_embedding ADD CONSTRAINT semantic_embedding_memory
    FOREIGN KEY (id) REFERENCES memories_memory (id) ON DELETE CASCADE;

-- A vector is read whole: inside its row, as long as that fits into a page.
ALTER TABLE semantic_embedding SET (toast_tuple_target = 8160);

CREATE FUNCTION semantic_words_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO semantic_embedding (id, state) VALUES (NEW.id, 'pending')
    ON CONFLICT (id) DO UPDATE SET
        vector = NULL, model = '', dimensions = 0, state = 'pending', attempts = 0,
        next_attempt_at = statement_timestamp(), lease_token = NULL, last_error = '',
        finished_at = NULL;
    RETURN NULL;
END
$$;

CREATE TRIGGER semantic_memory_told AFTER INSERT ON memories_memory
    FOR EACH ROW EXECUTE FUNCTION semantic_words_changed();

CREATE TRIGGER semantic_memory_changed
    AFTER UPDATE OF title, text, private, wrong ON memories_memory
    FOR EACH ROW WHEN ((OLD.title, OLD.text, OLD.private, OLD.wrong)
        IS DISTINCT FROM (NEW.title, NEW.text, NEW.private, NEW.wrong))
    EXECUTE FUNCTION semantic_words_changed();
"""
UNFOLLOW = """
DROP TRIGGER semantic_memory_told ON memories_memory;
DROP TRIGGER semantic_memory_changed ON memories_memory;
DROP FUNCTION semantic_words_changed();
"""


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('memories', '0001_initial'),
    ]

    operations = [
        migrations.RunPython(demand, migrations.RunPython.noop),
        VectorExtension(),
        migrations.CreateModel(
            name='Embedding',
            fields=[
                ('state', models.CharField(choices=[('pending', 'waiting'), ('leased', 'running'), ('done', 'done'), ('dead', 'dead'), ('ignored', 'ignored')], default='pending', max_length=8)),
                ('attempts', models.PositiveSmallIntegerField(db_default=0, default=0)),
                ('next_attempt_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('lease_token', models.UUIDField(editable=False, null=True)),
                ('last_error', models.TextField(blank=True, db_default='', default='')),
                ('finished_at', models.DateTimeField(null=True)),
                ('attempt_log', models.JSONField(db_default=models.Value([], models.JSONField()), default=list)),
                ('effects', omibackend.core.work.effects.EffectsField(db_default=models.Value([], models.JSONField()), default=list)),
                ('memory', models.OneToOneField(db_column='id', db_constraint=False, on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='embedding', serialize=False, to='memories.memory')),
                ('vector', VectorField(null=True)),
                ('model', models.CharField(blank=True, db_default='', default='', max_length=200)),
                ('dimensions', models.PositiveIntegerField(db_default=0, default=0)),
            ],
            options={
                'ordering': ['-memory'],
                'indexes': [models.Index(condition=models.Q(('state__in', ('pending', 'leased'))), fields=['next_attempt_at'], name='embedding_live')],
            },
        ),
        migrations.RunSQL(FOLLOW, UNFOLLOW),
    ]
