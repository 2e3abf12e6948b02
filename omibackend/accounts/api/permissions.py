"""What a caller may do. Whose rows they see is the view's own queryset."""

from typing import Any, ClassVar

from rest_framework.permissions import SAFE_METHODS, IsAuthenticated
from rest_framework.request import Request

from omibackend.accounts.api.authentication import bearer_of
from omibackend.accounts.models import Scope


class InScope(IsAuthenticated):
    """Signed in, and with the right that the route asks for.

    A view says which by `scope`; without it reading asks for `read` and all else for `write`.
    """

    message: ClassVar[Any] = "This token has no right to do that."

    def has_permission(self, request: Request, view: Any) -> bool:
        if not super().has_permission(request, view):
            return False
        token = bearer_of(request)
        if token is None or token.scopes is None:
            return True
        usual = Scope.READ if request.method in SAFE_METHODS else Scope.WRITE
        return getattr(view, "scope", usual) in token.scopes


class OwnDevice(IsAuthenticated):
    """The person: a session or a signed-in device. A program's token may not make tokens."""

    message: ClassVar[Any] = "Sign in on a device: a named token may not do that."

    def has_permission(self, request: Request, view: Any) -> bool:
        token = bearer_of(request)
        return super().has_permission(request, view) and (token is None or token.scopes is None)
