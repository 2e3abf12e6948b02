"""REST for what lies around the inbox: a person's endpoints, wearables and traces."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request


class ProblemSerializer(serializers.Serializer[Any]):
    type = serializers.CharField()
    errors = serializers.ListField(  # type: ignore[assignment]
        child=serializers.DictField(), help_text="code, detail (what to mend), attr"
    )


def person_id(request: Request) -> int:
    """Of the caller: the permissions have seen to it that there is one."""
    found = request.user.pk
    assert found is not None  # noqa: S101 (for the type checker)
    return found
