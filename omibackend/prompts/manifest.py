"""What this app brings along."""

from django.conf import settings

from omibackend.core.manifest import EffectKind, Entry, Finder, Manifest, Rule, Scheduled
from omibackend.core.personal_data import PersonalData, Table, rows_of
from omibackend.prompts.models import PromptRun, PromptTemplate

PERSONAL_DATA = PersonalData(
    "prompts",
    tables=(
        Table(
            "runs",
            rows_of(PromptRun, "person"),
            "id template_id cause created_at outcome why rendered answer model tokens_in"
            " tokens_out cost delivery_id",
        ),
        Table(
            "prompts",
            rows_of(PromptTemplate),
            "id name enabled trigger cron prompt output created_at",
        ),
    ),
)

manifest = Manifest(
    needs=(Finder("prompts.view_promptrun", "omibackend.prompts.admin.needs.failed_prompts"),),
    sidebar=(
        Entry(40, "Prompts", "auto_awesome", "prompts.prompttemplate", "Prompts"),
        Entry(41, "Runs", "play_circle", "prompts.promptrun", "Prompts"),
    ),
    retention=(
        Rule(
            "prompt texts",
            lambda before: PromptRun.objects.exclude(rendered="", answer="").filter(
                finished_at__lt=before
            ),
            days=lambda: settings.RETENTION_RAW_BODIES_DAYS,
            remove=lambda rows: rows.update(rendered="", answer=""),
        ),
    ),
    effects=(EffectKind("prompt_run", "prompts.PromptRun", "auto_awesome", "title"),),
    schedule=(
        Scheduled("omibackend.prompts.jobs.dispatch", cron="* * * * *", timeout_s=60, ttl_s=60),
    )
    if settings.ENABLE_PROMPT_WORKERS
    else (),
    personal_data=(PERSONAL_DATA,),
)
