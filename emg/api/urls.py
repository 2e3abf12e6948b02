from django.urls import re_path

from emg.api import pages
from emg.api.sessions import ReportView, RescoreView, SessionDetailView, SessionsView
from emg.api.signals import SignalView

SESSION = r"(?P<session_id>[^/]{1,200})"

urlpatterns = [
    re_path(rf"^signals/{SESSION}/(?P<channel>.{{1,255}}?)/?$", SignalView.as_view()),
    re_path(r"^emg/sessions/?$", SessionsView.as_view()),
    re_path(rf"^emg/sessions/{SESSION}/?$", SessionDetailView.as_view()),
    re_path(rf"^emg/sessions/{SESSION}/rescore/?$", RescoreView.as_view()),
    re_path(rf"^emg/sessions/{SESSION}/report/?$", ReportView.as_view(), name="emg-report"),
    re_path(rf"^emg/sessions/{SESSION}/view/?$", pages.session, name="emg-session"),
    re_path(rf"^emg/sessions/{SESSION}/over-time/?$", pages.over_time, name="emg-over-time"),
    re_path(rf"^emg/sessions/{SESSION}/picture/?$", pages.picture, name="emg-picture"),
    re_path(rf"^emg/sessions/{SESSION}/file/?$", pages.file, name="emg-file"),
]
