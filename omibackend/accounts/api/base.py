"""What the routes of people share."""

from typing import Any

from django.conf import settings
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.views import APIView

from omibackend.accounts.models import User
from omibackend.core.api.examples import operations
from omibackend.core.api.serializers import ErrorsSerializer

described = operations("omibackend.accounts.api", ["People"])


def operation(name: str, responses: dict[int, Any], **options: Any) -> Any:
    """404 where the user system is off."""
    return described(name, responses={**responses, 404: ErrorsSerializer}, **options)


class PeopleView(APIView):
    throttle_scope = "account"

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if not settings.ENABLE_USER_SYSTEM:
            raise NotFound("The user system is off: ENABLE_USER_SYSTEM.")
        super().initial(request, *args, **kwargs)


class EntranceView(PeopleView):
    """For who is not signed in yet. It reads no token, so a stale one is in nobody's way."""

    authentication_classes = ()
    permission_classes = ()

    def get_authenticate_header(self, request: Request) -> str:
        return "Bearer"


def person(request: Request) -> User:
    assert isinstance(request.user, User)  # noqa: S101 (what each permission has seen to)
    return request.user
