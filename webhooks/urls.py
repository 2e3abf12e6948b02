from django.urls import re_path

from webhooks.api.endpoints import EndpointsView, EndpointView, RotateView
from webhooks.api.links import ConfirmView, LinkView, StartView
from webhooks.api.trace import TraceView
from webhooks.providers.storage.views import StorageStatusView, StorageUploadView, WaitingUploadView
from webhooks.views import QueueStatusView, WebhookView

receive = WebhookView.as_view()

urlpatterns = [
    re_path(
        r"^webhooks/(?P<provider>[a-z0-9_-]{1,20})/(?P<token>[A-Za-z0-9_-]{16,128})/?$", receive
    ),
    re_path(r"^storage/c3d-upload-optimized/?$", StorageUploadView.as_view()),
    re_path(r"^storage/c3d-upload/?$", WaitingUploadView.as_view()),
    re_path(
        r"^webhooks/storage/status/(?P<session_id>[A-Za-z0-9._-]{1,100})/?$",
        StorageStatusView.as_view(),
    ),
    re_path(r"^omi-webhook/?$", receive, {"provider": "omi"}),
    re_path(r"^omi-webhook/queue-status/?$", QueueStatusView.as_view()),
    re_path(r"^endpoints/?$", EndpointsView.as_view()),
    re_path(r"^endpoints/(?P<pk>[0-9a-f-]{36})/?$", EndpointView.as_view()),
    re_path(r"^endpoints/(?P<pk>[0-9a-f-]{36})/rotate/?$", RotateView.as_view()),
    re_path(r"^link/omi/?$", LinkView.as_view()),
    re_path(r"^link/omi/start/?$", StartView.as_view()),
    re_path(r"^link/omi/confirm/?$", ConfirmView.as_view()),
    re_path(r"^memories/(?P<pk>[0-9a-f-]{36})/trace/?$", TraceView.as_view()),
]
