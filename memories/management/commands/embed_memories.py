import time
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from omibackend.core.work import draining, registry
from omibackend.core.work.leased import LIVE

SHOWN_EVERY_S = 5.0


class Command(BaseCommand):
    help = (
        "Embeds the memories that have no embedding of EMBEDDINGS_MODEL. It may be stopped at any "
        "time: the workers go on with the rest."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.EMBEDDINGS_MODEL:
            raise CommandError("Set EMBEDDINGS_MODEL first: semantic search is off.")
        # Without the setting its table does not exist.
        from memories.semantic import jobs
        from memories.semantic.models import Embedding

        jobs.queue_missing()
        waiting = Embedding.objects.filter(state__in=LIVE)
        total = left = waiting.count()
        while draining.work_due(
            registry.work_types[Embedding], until=time.monotonic() + SHOWN_EVERY_S
        ):
            left = waiting.count()
            self.stdout.write(f"{total - left} of {total} embedded")
        left = waiting.count()
        self.stdout.write(self.style.SUCCESS(f"{total - left} of {total} memories embedded."))
        if left:
            self.stdout.write(f"{left} wait for another try: {self._why(Embedding)}")

    def _why(self, model: Any) -> str:
        failed = model.objects.filter(state__in=LIVE).exclude(last_error="")
        return failed.values_list("last_error", flat=True).first() or "a worker has them."
