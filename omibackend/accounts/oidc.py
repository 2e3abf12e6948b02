"""Sign-in by OpenID Connect: what django-allauth asks us."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from omibackend.accounts.sign_in import sign_out_all
from omibackend.core.errors import error_response
from omibackend.core.text import storable


def is_on() -> bool:
    return bool(settings.OIDC) and settings.ENABLE_USER_SYSTEM


class AccountAdapter(DefaultAccountAdapter):
    def get_login_redirect_url(self, request: HttpRequest) -> str:
        return reverse("admin:index" if request.user.is_staff else "me")

    get_signup_redirect_url = get_login_redirect_url

    def respond_user_inactive(self, request: HttpRequest, user: Any) -> HttpResponse:
        return error_response(403, "inactive", "This account is switched off.")


class SocialAdapter(DefaultSocialAccountAdapter):
    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        """The issuer's word for the address is what joins a sign-in to an account."""
        if sociallogin.state.get("process", "login") != "login":
            raise _refused(400, "no_such_process", "This address signs in and does nothing else.")
        if not any(address.verified for address in sociallogin.email_addresses):
            detail = "The sign-in server has not verified your e-mail address."
            raise _refused(403, "email_not_verified", detail)
        if sociallogin.is_existing and not sociallogin.account.pk:
            # Joined by the address, for the first time. Nobody had verified it here: allauth drops
            # the password, in case somebody else had registered it, and this the tokens.
            sign_out_all(sociallogin.user)

    def on_authentication_error(self, request: HttpRequest, provider: Any, **_: Any) -> None:
        raise _refused(401, "sign_in_failed", "The sign-in did not succeed. Begin it anew.")

    def populate_user(self, request: HttpRequest, sociallogin: Any, data: dict[str, Any]) -> Any:
        user = sociallogin.user
        user.email = str(data.get("email") or "").lower()
        user.name = storable(str(data.get("name") or ""))[:150]
        return user


def _refused(status: int, code: str, detail: str) -> ImmediateHttpResponse:
    return ImmediateHttpResponse(error_response(status, code, detail))
