from typing import Any

from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import NotFound
from rest_framework.generics import GenericAPIView

from emg.models import Recording
from emg.recordings.registry import find, visible_to
from omibackend.accounts.models import Scope
from omibackend.core.api.examples import operations

operation = operations("emg.api", ["emg"])
SESSION = OpenApiParameter(
    "session_id", str, OpenApiParameter.PATH, description="Its name, or its `id`"
)
UNSHOWN = ("notes", "attempt_log", "effects")


class SessionView(GenericAPIView[Recording]):
    """For the recording's owner and for staff with the right to it; nobody else finds any."""

    scope = Scope.EMG
    queryset = Recording.objects.none()
    pagination_class: Any = None

    def recording(self, session_id: str, permission: str) -> Recording:
        rows = visible_to(self.request.user, permission).defer(*UNSHOWN)
        found = find(rows.select_related("profile"), session_id)
        if found is None:
            raise NotFound("There is no such session.")
        return found
