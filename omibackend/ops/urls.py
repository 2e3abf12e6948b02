from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_replace
from django.urls import re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from omibackend.ops import views

# Swagger UI styles itself inline; it shows our own schema and nothing of a sender. Replaced, since
# beside a hash a browser ignores UNSAFE_INLINE.
api_docs = csp_replace({"style-src": [SELF, UNSAFE_INLINE]})(
    SpectacularSwaggerSplitView.as_view(url_name="api-schema")
)

urlpatterns = [
    re_path(r"^health/?$", views.HealthView.as_view(), name="health"),
    re_path(r"^health/live/?$", views.LiveView.as_view()),
    re_path(r"^health/ready/?$", views.ReadyView.as_view()),
    re_path(r"^stats/?$", views.StatsView.as_view(), name="stats"),
    re_path(r"^api/info/?$", views.InfoView.as_view(), name="info"),
    re_path(r"^api/schema/?$", SpectacularAPIView.as_view(), name="api-schema"),
    re_path(r"^api/docs/?$", api_docs, name="api-docs"),
]
