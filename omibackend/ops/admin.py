"""RQ's own pages. They check for staff only and show job arguments, so here: superusers."""

from functools import wraps
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django_rq.admin import QueueAdmin
from django_rq.models import Dashboard
from django_rq.stats_views import stats_json
from django_rq.urls import get_admin_urlpatterns


def superusers_only(view: Any) -> Any:
    @wraps(view)
    def guarded(request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.is_superuser:
            raise PermissionDenied
        request.current_app = admin.site.name
        response: HttpResponse = admin.site.admin_view(view)(request, *args, **kwargs)
        return response

    return guarded


@admin.register(Dashboard)
class QueuesAdmin(QueueAdmin):
    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_superuser)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_module_permission(request)

    has_view_permission = has_change_permission

    def get_urls(self) -> list[URLPattern]:
        """Without RQ's routes for a token: nothing here needs a second way in."""
        own = get_admin_urlpatterns(name_prefix="django_rq_", view_wrapper=superusers_only)
        counts = path("stats.json", superusers_only(stats_json), name="django_rq_home_json")
        return [counts, *own, *admin.ModelAdmin.get_urls(self)]
