from django.urls import re_path

from emg import views

SESSION = r"(?P<session_id>[^/]{1,200})"

urlpatterns = [
    re_path(rf"^signals/{SESSION}/(?P<channel>.{{1,255}}?)/?$", views.SignalView.as_view()),
]
