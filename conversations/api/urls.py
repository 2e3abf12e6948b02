from django.urls import re_path

from conversations.api import chat, views

_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_ID = f"(?P<pk>{_UUID})"
# A caller's own name for a chat, or a uid; PostgreSQL takes no NUL.
_NAME = r"(?P<session_id>[^/\x00]{1,128})"

urlpatterns = [
    re_path(r"^conversations/?$", views.ConversationList.as_view(), name="conversations"),
    re_path(rf"^conversations/{_ID}/?$", views.ConversationDetail.as_view(), name="conversation"),
    re_path(
        rf"^conversations/{_ID}/messages/?$",
        views.MessageList.as_view(),
        name="conversation-messages",
    ),
    re_path(
        rf"^transcript/(?P<session_id>{_UUID})/?$",
        views.TranscriptView.as_view(),
        name="transcript",
    ),
    re_path(r"^chat/?$", chat.ChatView.as_view(), name="chat"),
    re_path(r"^context/switch/?$", chat.SwitchView.as_view(), name="context-switch"),
    re_path(r"^context/windows/?$", chat.WindowsView.as_view(), name="context-windows"),
    re_path(rf"^context/status/{_NAME}/?$", chat.StatusView.as_view(), name="context-status"),
]
