from django.urls import re_path

from emg import page_views, views

SESSION = r"(?P<session_id>[^/]{1,200})"

urlpatterns = [
    re_path(rf"^emg/sessions/{SESSION}/view/?$", page_views.session, name="emg-session"),
    re_path(rf"^emg/sessions/{SESSION}/over-time/?$", page_views.over_time, name="emg-over-time"),
    re_path(rf"^emg/sessions/{SESSION}/picture/?$", page_views.picture, name="emg-picture"),
    re_path(rf"^emg/sessions/{SESSION}/file/?$", page_views.file, name="emg-file"),
    re_path(rf"^signals/{SESSION}/(?P<channel>.{{1,255}}?)/?$", views.SignalView.as_view()),
]
