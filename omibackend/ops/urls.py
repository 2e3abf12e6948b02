from django.urls import re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from omibackend.ops import views

urlpatterns = [
    re_path(r"^health/?$", views.HealthView.as_view(), name="health"),
    re_path(r"^health/live/?$", views.LiveView.as_view()),
    re_path(r"^health/ready/?$", views.ReadyView.as_view()),
    re_path(r"^api/info/?$", views.InfoView.as_view(), name="info"),
    re_path(r"^api/schema/?$", SpectacularAPIView.as_view(), name="api-schema"),
    re_path(
        r"^api/docs/?$",
        SpectacularSwaggerSplitView.as_view(url_name="api-schema"),
        name="api-docs",
    ),
]
