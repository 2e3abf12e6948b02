from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("", include("conversations.api.urls")),
    path("", include("webhooks.urls")),
    path("", include("memories.api.urls")),
    path("", include("omibackend.ops.urls")),
    path("", include("omibackend.accounts.api.urls")),
    path("", include("emg.api.urls")),
    path("", RedirectView.as_view(pattern_name="admin:index"), name="root"),
    path("admin/", admin.site.urls),
]
handler400 = "omibackend.core.errors.bad_request"
handler404 = "omibackend.core.errors.not_found"
handler500 = "omibackend.core.errors.server_error"
