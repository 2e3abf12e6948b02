"""Recordings worked again in bulk, behind whatever is new."""

from collections.abc import Iterator
from uuid import UUID

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from emg.analytics import parameters
from emg.models import Recording
from omibackend.core.work.leased import LIVE, State, replay

AT_ONCE = 500


def outdated(rows: QuerySet[Recording]) -> QuerySet[Recording]:
    """Not analysed with the parameters of now. The others cost a look at the store."""
    return rows.filter(~Q(processing_version=parameters.VERSION) | Q(analytics=None))


def mark(rows: QuerySet[Recording]) -> Iterator[int]:
    """Marks recordings due, some at a time; how many so far. One that is being worked now is left
    alone. Broken off and begun again with what is outdated, it goes on where it was."""
    last: UUID | None = None
    done = 0
    while True:
        page = rows if last is None else rows.filter(pk__gt=last)
        ids = list(page.order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
        if not ids:
            return
        done += replay(Recording.objects.filter(pk__in=ids), behind=True, progress_percent=0)
        last = ids[-1]
        yield done


def waiting(rows: QuerySet[Recording]) -> int:
    """Those in work or due; not those that failed and wait for their next try."""
    later = Q(state=State.PENDING, next_attempt_at__gt=Now())
    return rows.filter(state__in=LIVE).exclude(later).count()
