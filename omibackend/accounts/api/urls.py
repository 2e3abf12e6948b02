from importlib import import_module

from django.urls import re_path

from omibackend.accounts import oidc
from omibackend.accounts.api import auth, browser, data, preferences, tokens
from omibackend.accounts.api import oidc as oidc_views

# Tells the API's description what a Bearer token is.
import_module("omibackend.accounts.api.schema")

urlpatterns = [
    re_path(r"^auth/register/?$", auth.RegisterView.as_view()),
    re_path(r"^auth/login/?$", auth.LoginView.as_view()),
    re_path(r"^auth/logout/?$", auth.LogoutView.as_view()),
    re_path(r"^auth/logout-all/?$", auth.LogoutAllView.as_view()),
    re_path(r"^auth/me/?$", auth.MeView.as_view(), name="me"),
    re_path(r"^sign-in/?$", browser.SignInView.as_view(), name="sign-in"),
    re_path(r"^tokens/?$", tokens.TokensView.as_view()),
    re_path(r"^tokens/(?P<pk>[0-9a-f-]{36})/?$", tokens.TokenView.as_view()),
    re_path(r"^preferences/?$", preferences.PreferencesView.as_view()),
    re_path(r"^account/export/?$", data.ExportView.as_view()),
    re_path(r"^account/?$", data.AccountView.as_view()),
]

if oidc.is_on():
    # The names are those by which allauth finds its callback.
    start = r"^auth/oidc/(?P<provider_id>sso)/login"
    urlpatterns += [
        re_path(rf"{start}/?$", oidc_views.sign_in, name="openid_connect_login"),
        re_path(rf"{start}/callback/?$", oidc_views.callback, name="openid_connect_callback"),
    ]
