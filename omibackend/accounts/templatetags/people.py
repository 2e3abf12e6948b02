from django import template
from django.conf import settings
from django.urls import reverse

from omibackend.accounts import oidc

register = template.Library()


@register.simple_tag
def other_sign_in() -> dict[str, str]:
    """The name and the address of the OpenID Connect sign-in; nothing when it is off."""
    if not oidc.is_on():
        return {}
    link = reverse("openid_connect_login", args=["sso"])
    return {"name": settings.OIDC["OIDC_NAME"], "link": link}
