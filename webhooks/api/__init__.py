"""REST for what lies around the inbox: a person's endpoints, wearables and traces."""

from rest_framework.request import Request


def person_id(request: Request) -> int:
    """Of the caller: the permissions have seen to it that there is one."""
    found = request.user.pk
    assert found is not None  # noqa: S101 (for the type checker)
    return found
