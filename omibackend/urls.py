from django.contrib import admin
from django.urls import path

urlpatterns = [
    path("admin/", admin.site.urls),
]
handler400 = "omibackend.core.errors.bad_request"
handler404 = "omibackend.core.errors.not_found"
handler500 = "omibackend.core.errors.server_error"
