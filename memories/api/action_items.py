from django.db.models import QuerySet
from rest_framework.generics import GenericAPIView, ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from memories.api.base import still_there
from memories.api.filters import ActionItemFilter
from memories.api.serializers import ActionItemChangeSerializer, ActionItemSerializer
from memories.models import ActionItem
from memories.saving.parts import edit_action_item
from omibackend.core.api.examples import operations
from omibackend.core.api.requests import given, person_id

described = operations("memories.api", ["action items"])


class OwnActionItems(GenericAPIView[ActionItem]):
    serializer_class = ActionItemSerializer
    queryset = ActionItem.objects.none()

    def get_queryset(self) -> QuerySet[ActionItem]:
        return ActionItem.objects.filter(owner_id=person_id(self.request))


class ActionItemList(OwnActionItems, ListAPIView[ActionItem]):
    filterset_class = ActionItemFilter

    @described("action_items_list", shows="action_items_read")
    def get(self, request: Request) -> Response:
        """Action items of all memories, the newest first; open or done, by when they are due."""
        return self.list(request)


class ActionItemDetail(OwnActionItems):
    @described("action_items_read")
    def get(self, request: Request, pk: str) -> Response:
        """One action item."""
        return Response(ActionItemSerializer(self.get_object()).data)

    @described(
        "action_items_change",
        shows="action_items_read",
        request=ActionItemChangeSerializer,
        responses=ActionItemSerializer,
    )
    def patch(self, request: Request, pk: str) -> Response:
        """Tick off, reword or reschedule. Your decision outlives whatever is sent again."""
        item = self.get_object()
        with still_there():
            edit_action_item(item, given(ActionItemChangeSerializer, request.data))
            item.refresh_from_db()
        return Response(ActionItemSerializer(item).data)
