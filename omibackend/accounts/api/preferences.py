"""How a person wants to be listened to."""

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from omibackend.accounts import preferences
from omibackend.accounts.api.base import TAG, PeopleView, person
from omibackend.accounts.api.serializers import PreferencesSerializer
from omibackend.core.api.serializers import ErrorsSerializer

EXAMPLE = OpenApiExample(
    "Preferences",
    {
        "listen_mode": "FOLLOWUP",
        "followup_window_ms": 8000,
        "activation_regex": "",
        "inject_memories": True,
        "meeting_transcribe": False,
        "mute": False,
        "quiet_hours_start": "22:30",
        "quiet_hours_end": "07:00",
        "time_zone": "Europe/Paris",
        "default_conversation": None,
    },
)
ANSWERS = {200: PreferencesSerializer, 404: ErrorsSerializer}


class PreferencesView(PeopleView):
    @extend_schema(operation_id="preferences", tags=TAG, responses=ANSWERS, examples=[EXAMPLE])
    def get(self, request: Request) -> Response:
        """Your preferences; the defaults as long as you have set none."""
        return Response(PreferencesSerializer(preferences.preferences_of(person(request).pk)).data)

    @extend_schema(
        operation_id="preferences_replace",
        tags=TAG,
        request=PreferencesSerializer,
        responses=ANSWERS,
        examples=[EXAMPLE],
    )
    def put(self, request: Request) -> Response:
        """Set all preferences; what you leave out goes back to its default."""
        return self._save(request, whole=True)

    @extend_schema(
        operation_id="preferences_change",
        tags=TAG,
        request=PreferencesSerializer(partial=True),
        responses=ANSWERS,
        examples=[OpenApiExample("Be quiet", {"mute": True}, request_only=True)],
    )
    def patch(self, request: Request) -> Response:
        """Change some preferences. They act within three seconds."""
        return self._save(request, whole=False)

    def _save(self, request: Request, *, whole: bool) -> Response:
        asked = PreferencesSerializer(data=request.data, partial=True)
        asked.is_valid(raise_exception=True)
        values, user_id = asked.validated_data, person(request).pk
        chosen = values.get("default_conversation")
        if chosen and not preferences.Conversations.belongs(user_id, chosen):
            raise NotFound("You have no such conversation.")
        saved = preferences.save_preferences(user_id, values, whole=whole)
        return Response(PreferencesSerializer(saved).data)
