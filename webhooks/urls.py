from django.urls import re_path

from webhooks.views import QueueStatusView, WebhookView

receive = WebhookView.as_view()

urlpatterns = [
    re_path(
        r"^webhooks/(?P<provider>[a-z0-9_-]{1,20})/(?P<token>[A-Za-z0-9_-]{16,128})/?$", receive
    ),
    re_path(r"^omi-webhook/?$", receive, {"provider": "omi"}),
    re_path(r"^omi-webhook/queue-status/?$", QueueStatusView.as_view()),
]
