"""What the list of recordings may be narrowed down by, in the query of its address."""

from typing import Any

from django.db.models import Q, QuerySet
from django_filters import rest_framework as filters
from drf_spectacular.utils import extend_schema_field

from emg.models import Recording, Status
from omibackend.core.errors import Refused
from omibackend.core.leased import State
from omibackend.core.moments import moment

MOST_CODE_CHARS = 10
FAILED = Q(state=State.DEAD, analysed_at=None) | Q(state=State.IGNORED)
# As `Recording.status` tells it.
HAVING = {
    Status.PENDING: Q(state=State.PENDING),
    Status.PROCESSING: Q(state=State.LEASED),
    Status.COMPLETED: Q(state=State.DONE) | Q(state=State.DEAD, analysed_at__isnull=False),
    Status.FAILED: FAILED,
}


def _patient() -> Any:
    description = "A patient's code, such as P039"
    schema = {
        "type": "string",
        "minLength": 1,
        "maxLength": MOST_CODE_CHARS,
        "pattern": r"^[^\u0000]*$",
        "description": description,
    }
    return extend_schema_field(schema)(
        filters.CharFilter(max_length=MOST_CODE_CHARS, strip=False, help_text=description)
    )


class SessionFilter(filters.FilterSet):  # type: ignore[misc]  # untyped
    patient = _patient()
    status = filters.ChoiceFilter(choices=Status.choices)
    recorded_after = moment("Recorded at this moment or later")
    recorded_before = moment("Recorded before this moment")

    def filter_queryset(self, queryset: QuerySet[Recording]) -> QuerySet[Recording]:
        blank = [name for name in self.filters if self.data.get(name) == ""]
        if blank:
            raise Refused(400, "blank", "Leave it out instead.", attr=blank[0])
        asked = self.form.cleaned_data
        if asked["status"]:
            queryset = queryset.filter(HAVING[Status(asked["status"])])
        wanted = {
            "patient_code": asked["patient"].upper(),
            "recorded_at__gte": asked["recorded_after"],
            "recorded_at__lt": asked["recorded_before"],
        }
        return queryset.filter(**{name: value for name, value in wanted.items() if value})
