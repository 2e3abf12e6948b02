"""Joining, signing in and out, and who one is."""

from typing import Any

from django.contrib.auth import logout, update_session_auth_hash
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import ensure_csrf_cookie
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from omibackend.accounts import sign_in
from omibackend.accounts.api.authentication import bearer_of
from omibackend.accounts.api.base import EntranceView, PeopleView, operation, person
from omibackend.accounts.api.permissions import InScope, OwnDevice
from omibackend.accounts.api.serializers import (
    LoginSerializer,
    MeChangeSerializer,
    MeSerializer,
    RegisteredSerializer,
    RegisterSerializer,
    SignedInSerializer,
)
from omibackend.core.api.requests import given
from omibackend.core.api.serializers import ErrorsSerializer


class RegisterView(EntranceView):
    throttle_scope = "register"

    @operation("register", {201: RegisteredSerializer}, request=RegisterSerializer, auth=[])
    def post(self, request: Request) -> Response:
        """Make an account.

        The answer is the same, and takes as long, when the address has an account already:
        nothing is changed then, and it tells nobody. Sign in next, with `POST /auth/login`: that
        works if the account is yours, because you made it just now or had it before.
        """
        asked = given(RegisterSerializer, request.data)
        sign_in.register(**asked)
        joined = {"email": asked["email"].lower(), "name": asked["name"]}
        return Response({"user": joined}, status=201)


class LoginView(EntranceView):
    throttle_scope = "login"

    @operation(
        "login", {200: SignedInSerializer, 401: ErrorsSerializer}, request=LoginSerializer, auth=[]
    )
    def post(self, request: Request) -> Response:
        """Get a token for this device.

        It may do all that you may, and lasts a month from its last use. After five wrong
        passwords from one address the name is locked there for 15 minutes: 429.
        """
        made = sign_in.sign_in(request._request, **given(LoginSerializer, request.data))
        if made is None:
            raise AuthenticationFailed("The address or the password is wrong.")
        token, secret = made
        shown = {"token": secret, "expiry": token.expiry, "user": token.user}
        return Response(SignedInSerializer(shown).data)


class LogoutView(PeopleView):
    # Also a program may give its own token back.
    permission_classes = (IsAuthenticated,)

    @operation("logout", {204: None}, request=None)
    def post(self, request: Request) -> Response:
        """End the token, or the browser's session, that this request came with."""
        token = bearer_of(request)
        if token is None:
            logout(request._request)
        else:
            token.delete()
        return Response(status=204)


class LogoutAllView(PeopleView):
    permission_classes = (OwnDevice,)

    @operation("logout_all", {204: None}, request=None)
    def post(self, request: Request) -> Response:
        """Sign out on every device and in every browser.

        Programs keep their named tokens: those end with `DELETE /tokens/<id>`.
        """
        sign_in.sign_out_devices(person(request))
        if bearer_of(request) is None:
            logout(request._request)
        return Response(status=204)


class MeView(PeopleView):
    def get_permissions(self) -> list[Any]:
        return [InScope() if self.request.method != "PATCH" else OwnDevice()]

    @operation("me", {200: MeSerializer})
    @method_decorator(ensure_csrf_cookie)
    def get(self, request: Request) -> Response:
        """Who you are.

        A browser that signed in by OpenID Connect also gets the cookie `omi_csrf` here, whose
        value it sends as `X-CSRFToken` with `POST /tokens` to get a token for a program.
        """
        return Response(MeSerializer(request.user).data)

    @operation("me_change", {200: MeSerializer}, request=MeChangeSerializer, shows="me")
    def patch(self, request: Request) -> Response:
        """Change your name or your password.

        A new password asks for the current one, and ends every other device's token and session.
        """
        user = person(request)
        changes = given(MeChangeSerializer, request.data, context={"user": user})
        current = changes.pop("current_password", "")
        if "new_password" in changes:
            confirm(request, current)
            changes["password"] = changes.pop("new_password")
        sign_in.change(user, changes, by=bearer_of(request))
        if "password" in changes and bearer_of(request) is None:
            update_session_auth_hash(request._request, user)
        return Response(MeSerializer(user).data)


def confirm(request: Request, password: str) -> None:
    """That it is the person, and not somebody who found the device unlocked."""
    user = person(request)
    if user.has_usable_password() and not sign_in.is_password(request._request, user, password):
        raise PermissionDenied("This is not your password.", code="wrong_password")
