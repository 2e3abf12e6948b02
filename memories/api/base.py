"""What the views of memories share."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from django.core.exceptions import ObjectDoesNotExist
from django.db.models import QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from rest_framework.generics import GenericAPIView
from rest_framework.response import Response

from memories.api.serializers import MemorySerializer
from memories.models import Memory
from omibackend.core.api.examples import operations
from omibackend.core.api.requests import person_id

described = operations("memories.api", ["memories"])
# Long, and the API shows nothing of them.
UNSHOWN = ("search", "segment_keys", "quote", "details", "sender_version")


class OwnMemories(GenericAPIView[Memory]):
    """The caller's own, and nobody else's."""

    serializer_class = MemorySerializer
    queryset = Memory.objects.none()

    def get_queryset(self) -> QuerySet[Memory]:
        mine = Memory.objects.filter(owner_id=person_id(self.request)).defer(*UNSHOWN)
        return mine.prefetch_related("action_items", "events")

    def shown(self, pk: UUID, status: int = 200) -> Response:
        """As it is now, after whatever was done to it."""
        memory = get_object_or_404(self.get_queryset(), pk=pk)
        return Response(MemorySerializer(memory).data, status)


@contextmanager
def still_there() -> Iterator[None]:
    """What was deleted just now is not found either."""
    try:
        yield
    except ObjectDoesNotExist as error:
        raise Http404 from error
