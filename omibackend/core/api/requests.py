"""What every view of the API asks of its request."""

from typing import Any

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request
from rest_framework.serializers import BaseSerializer


def person_id(request: Request) -> int:
    me: Any = request.user.pk
    return int(me)


def given(serializer: type[BaseSerializer[Any]], data: Any, **options: Any) -> dict[str, Any]:
    """What a client sent, as the serializer reads it; otherwise the answer is 400."""
    read = serializer(data=data, **options)
    read.is_valid(raise_exception=True)
    return dict(read.validated_data)


class AnyAccept(DefaultContentNegotiation):
    """Whoever asks for a file alone must not be refused what else there is to say: JSON."""

    def select_renderer(self, request: Any, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type
