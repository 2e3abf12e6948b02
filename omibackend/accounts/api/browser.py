"""Signing in with a browser for whoever is no staff, to see their own pages: the admin's takes
staff only."""

from typing import Any

from django.contrib import admin
from django.contrib.auth import forms
from django.contrib.auth.views import LoginView
from unfold.forms import AuthenticationForm


class SignInForm(AuthenticationForm):
    def confirm_login_allowed(self, user: Any) -> None:
        """Not only staff."""
        forms.AuthenticationForm.confirm_login_allowed(self, user)


class SignInView(LoginView):
    """The admin's page of the same name, with another form."""

    template_name = "admin/login.html"
    authentication_form = SignInForm

    def get_context_data(self, **context: Any) -> dict[str, Any]:
        shell = admin.site.each_context(self.request)
        here = {"title": "Log in", "app_path": self.request.get_full_path()}
        return super().get_context_data(**shell, **here, **context)
