"""How a person wants to be listened to."""

from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from omibackend.accounts import preferences
from omibackend.accounts.api.base import PeopleView, operation, person
from omibackend.accounts.api.serializers import PreferencesSerializer
from omibackend.core.api.requests import given


class PreferencesView(PeopleView):
    @operation("preferences", {200: PreferencesSerializer})
    def get(self, request: Request) -> Response:
        """Your preferences; the defaults as long as you have set none."""
        return Response(PreferencesSerializer(preferences.preferences_of(person(request).pk)).data)

    @operation(
        "preferences_replace",
        {200: PreferencesSerializer},
        request=PreferencesSerializer,
        shows="preferences",
    )
    def put(self, request: Request) -> Response:
        """Set all preferences; what you leave out goes back to its default."""
        return self._save(request, whole=True)

    @operation(
        "preferences_change",
        {200: PreferencesSerializer},
        request=PreferencesSerializer(partial=True),
        shows="preferences",
    )
    def patch(self, request: Request) -> Response:
        """Change some preferences. They act within three seconds."""
        return self._save(request, whole=False)

    def _save(self, request: Request, *, whole: bool) -> Response:
        values = given(PreferencesSerializer, request.data, partial=True)
        user_id = person(request).pk
        chosen = values.get("default_conversation")
        if chosen and not preferences.Conversations.belongs(user_id, chosen):
            raise NotFound("You have no such conversation.")
        saved = preferences.save_preferences(user_id, values, whole=whole)
        return Response(PreferencesSerializer(saved).data)
