"""What the list of recordings may be narrowed down by, in the query of its address."""

from django.db.models import Q, QuerySet
from django_filters import rest_framework as filters

from emg.models import Recording, Status
from omibackend.core.api.filters import ListFilter, moment, text
from omibackend.core.work.leased import State

MOST_CODE_CHARS = 10
FAILED = Q(state=State.DEAD, analysed_at=None) | Q(state=State.IGNORED)
# As `Recording.status` tells it.
HAVING = {
    Status.PENDING: Q(state=State.PENDING),
    Status.PROCESSING: Q(state=State.LEASED),
    Status.COMPLETED: Q(state=State.DONE) | Q(state=State.DEAD, analysed_at__isnull=False),
    Status.FAILED: FAILED,
}


class SessionFilter(ListFilter):
    patient = text("A patient's code, such as P039", MOST_CODE_CHARS, strip=False)
    status = filters.ChoiceFilter(choices=Status.choices)
    recorded_after = moment("Recorded at this moment or later")
    recorded_before = moment("Recorded before this moment")

    def filter_queryset(self, queryset: QuerySet[Recording]) -> QuerySet[Recording]:
        asked = self.form.cleaned_data
        if asked["status"]:
            queryset = queryset.filter(HAVING[Status(asked["status"])])
        wanted = {
            "patient_code": asked["patient"].upper(),
            "recorded_at__gte": asked["recorded_after"],
            "recorded_at__lt": asked["recorded_before"],
        }
        return queryset.filter(**{name: value for name, value in wanted.items() if value})
