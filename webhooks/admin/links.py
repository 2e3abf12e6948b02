from django.contrib import admin

from omibackend.core.admin.lists import ReadOnlyAdmin
from webhooks.models import OmiLink


@admin.register(OmiLink)
class OmiLinkAdmin(ReadOnlyAdmin):
    """A link is proven by its person and never made here; deleting it unlinks the wearable."""

    list_display = ["user", "uid", "linked_at"]
    list_select_related = ["user"]
    search_fields = ["uid", "user__email"]
