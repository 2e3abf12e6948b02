from typing import Any

from allauth.account.models import EmailAddress
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from axes.models import AccessAttempt
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin, StackedInline
from unfold.forms import AdminPasswordChangeForm
from unfold.forms import UserChangeForm as UnfoldUserChangeForm
from unfold.forms import UserCreationForm as UnfoldUserCreationForm

from omibackend.accounts.models import Erasure, Export, Preferences, Token, User
from omibackend.accounts.privacy import erasure
from omibackend.core.admin.lists import ReadOnlyAdmin

# Who may grant these could make himself a superuser.
POWERS = ("is_staff", "is_superuser", "groups", "user_permissions")


class LowerCaseEmail:
    """Logging in looks the address up in lower case, and so it is stored."""

    cleaned_data: dict[str, Any]

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()


class UserCreationForm(LowerCaseEmail, UnfoldUserCreationForm):
    class Meta:
        model = User
        fields = ["email"]


class UserChangeForm(LowerCaseEmail, UnfoldUserChangeForm):
    class Meta:
        model = User
        fields = "__all__"


class PreferencesInline(StackedInline):
    model = Preferences


@admin.register(User)
class UserAdmin(DjangoUserAdmin, ModelAdmin):  # type: ignore[type-arg]
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["email", "name", "is_staff", "last_login"]
    list_filter = ["is_staff", "is_superuser", "is_active", "groups"]
    list_per_page = 50
    show_full_result_count = False
    search_fields = ["email", "name"]
    ordering = ["email"]
    readonly_fields = ["last_login", "date_joined"]
    fieldsets = [
        (None, {"fields": ["email", "name", "password"]}),
        ("Permissions", {"fields": ["is_active", *POWERS]}),
        ("Dates", {"fields": ["last_login", "date_joined"]}),
    ]
    add_fieldsets = [
        (None, {"fields": ["email", "name", "usable_password", "password1", "password2"]}),
    ]
    inlines = [PreferencesInline]

    def get_inlines(self, request: HttpRequest, obj: User | None) -> list[Any]:
        return self.inlines if obj else []

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        if request.user.is_superuser:
            return self.readonly_fields
        return [*self.readonly_fields, *POWERS]

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_change_permission(request, obj) and _is_below(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return super().has_delete_permission(request, obj) and _is_below(request, obj)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """All that is a person's own goes with the account: it needs no further rights."""
        to_delete, counts, needed, protected = super().get_deleted_objects(objs, request)
        return to_delete, counts, needed & {str(User._meta.verbose_name)}, protected

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        """Files and Redis too, and durably: see `erasure`."""
        erasure.begin(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for user in queryset:
            erasure.begin(user)


def _is_below(request: HttpRequest, user: User | None) -> bool:
    """Only a superuser may set a superuser's password."""
    return user is None or not user.is_superuser or bool(request.user.is_superuser)


# allauth's own lists: the application stands in the settings, and no token is kept.
for unused in (Group, EmailAddress, SocialAccount, SocialApp, SocialToken):
    admin.site.unregister(unused)


@admin.register(Group)
class GroupAdmin(DjangoGroupAdmin, ModelAdmin):
    pass


@admin.register(Token)
class TokenAdmin(ReadOnlyAdmin):
    """Deleting one ends it at once. Nothing here helps to use one."""

    list_display = ["__str__", "user", "rights", "created", "expiry", "last_used_at"]
    list_select_related = ["user"]
    search_fields = ["name", "user__email"]
    fields = ["name", "user", "rights", "created", "expiry", "last_used_at"]
    readonly_fields = fields

    @admin.display(description="rights")
    def rights(self, token: Token) -> str:
        return "a device: all" if token.scopes is None else ", ".join(token.scopes)


@admin.register(AccessAttempt)
class FailedSignInAdmin(ReadOnlyAdmin):
    """Deleting one lets the name in again at once."""

    list_display = ["username", "ip_address", "failures_since_start", "locked", "attempt_time"]
    list_filter = ["attempt_time"]
    search_fields = ["username", "ip_address"]
    ordering = ["-attempt_time"]
    fields = ["username", "ip_address", "user_agent", "failures_since_start", "attempt_time"]
    readonly_fields = fields

    @admin.display(description="locked", boolean=True)
    def locked(self, attempt: Any) -> bool:
        return bool(attempt.failures_since_start >= settings.AXES_FAILURE_LIMIT)


@admin.register(SocialAccount)
class OtherSignInAdmin(ReadOnlyAdmin):
    list_display = ["user", "provider", "date_joined", "last_login"]
    list_select_related = ["user"]
    fields = ["user", "provider", "uid", "date_joined", "last_login"]
    readonly_fields = fields


@admin.register(Export)
class ExportAdmin(ReadOnlyAdmin):
    """How exports fare; what is in them is the person's own."""

    list_display = ["__str__", "owner", "state", "progress_percent", "requested_at", "expires_at"]
    list_filter = ["state"]
    list_select_related = ["owner"]
    fields = ["owner", "state", "progress_percent", "requested_at", "expires_at", "last_error"]
    readonly_fields = fields

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # its file would stay: retention removes both


@admin.register(Erasure)
class ErasureAdmin(ReadOnlyAdmin):
    list_display = ["__str__", "state", "requested_at", "finished_at", "attempts"]
    list_filter = ["state"]
    fields = ["state", "requested_at", "finished_at", "passes", "counts", "attempts", "last_error"]
    readonly_fields = fields

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
