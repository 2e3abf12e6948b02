import re
from typing import Any

from django.db.models import QuerySet
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.exceptions import ValidationError
from rest_framework.generics import GenericAPIView, ListAPIView
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param

from conversations.api.filters import ConversationFilter
from conversations.api.serializers import (
    ConversationDetailSerializer,
    ConversationSerializer,
    MessageSerializer,
    TranscriptSerializer,
)
from conversations.models import Conversation, OmiSession, TranscriptSegment, messages_of
from conversations.pages.session import line
from conversations.pages.transcript import said
from conversations.transcripts import deletion
from omibackend.core.api.examples import operations
from omibackend.core.errors import Refused

described = operations("conversations.api", ["conversations"])
# A page of a transcript: about an hour of talk.
SEGMENTS = 1000
MOST_ID = 2**63 - 1


class ConversationView(GenericAPIView[Conversation]):
    """Those that the caller may see; there are no others."""

    serializer_class = ConversationSerializer
    queryset = Conversation.objects.none()
    filterset_class: Any = None

    def get_queryset(self) -> QuerySet[Conversation]:
        return Conversation.objects.visible_to(self.request.user)

    def found(self, pk: str) -> Conversation:
        return get_object_or_404(self.get_queryset().select_related("session"), pk=pk)


class ConversationList(ConversationView, ListAPIView[Conversation]):
    filterset_class = ConversationFilter

    @described("conversations_list")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Chats, all that was spoken while a wearable listened, and for a client's staff what its
        agents said: the latest first. `q` finds words in one's own, once a conversation has been
        silent for some minutes, in the newest thousand."""
        return super().get(request, *args, **kwargs)


class ConversationDetail(ConversationView):
    @described("conversations_read", responses=ConversationDetailSerializer)
    def get(self, request: Request, pk: str) -> Response:
        """One conversation, and the memories that were made of it."""
        found = ConversationDetailSerializer(self.found(pk), context={"request": request})
        return Response(found.data)

    @described("conversations_delete", responses={204: None})
    def delete(self, request: Request, pk: str) -> Response:
        """Deletes it for good: transcript, questions, messages, notifications, and the memory that
        was made of it. What is sent again of it is not taken. A client's is kept where it is."""
        deletion.delete(self.found(pk))
        return Response(status=204)


class MessageList(ConversationView):
    @described("conversations_messages", responses=MessageSerializer(many=True))
    def get(self, request: Request, pk: str) -> Response:
        """What was asked and answered, the latest first."""
        messages: Any = messages_of(self.found(pk))
        page: Any = self.paginate_queryset(messages)
        return self.get_paginated_response(MessageSerializer(page, many=True).data)


class PlainText(BaseRenderer):
    """Only to be chosen by `Accept`: errors are JSON all the same."""

    media_type = "text/plain"
    format = "text"
    charset = "utf-8"


SESSION = OpenApiParameter("session_id", OpenApiTypes.UUID, OpenApiParameter.PATH)
FORMAT = OpenApiParameter(
    "format", str, enum=["json", "text"], description="Instead of an Accept header."
)
AFTER = OpenApiParameter(
    "after",
    {"type": "integer", "minimum": 0, "maximum": MOST_ID},
    description="From the `next` of another page.",
)


class TranscriptView(ConversationView):
    renderer_classes = (JSONRenderer, PlainText)
    wants_text = False

    def perform_content_negotiation(self, request: Request, force: bool = False) -> Any:  # noqa: FBT001, FBT002 (DRF's own signature)
        renderer, _ = super().perform_content_negotiation(request, force)
        self.wants_text = isinstance(renderer, PlainText)
        return JSONRenderer(), JSONRenderer.media_type

    @described(
        "transcript",
        parameters=[SESSION, FORMAT, AFTER],
        responses={
            (200, "application/json"): TranscriptSerializer,
            (200, "text/plain"): OpenApiTypes.STR,
        },
    )
    def get(self, request: Request, session_id: str) -> HttpResponse | Response:
        """What was said, in order. A long one comes in pages: `next` is the address of the one
        behind, for plain text in the Link header."""
        session = self.found(session_id).session
        if session is None:
            raise Http404
        wanted = request.query_params.get("format", "text" if self.wants_text else "json")
        if wanted not in ("json", "text"):
            raise ValidationError({"format": "Either json or text."})
        segments = list(_page(session, request.query_params.get("after")))
        more = len(segments) > SEGMENTS
        following = _next(request, segments[SEGMENTS - 1]) if more else None
        rows = [said(segment, session) for segment in segments[:SEGMENTS]]
        if wanted == "text":
            return _text("".join(f"{line(row)}\n" for row in rows), following)
        page = {
            "session_id": session.pk,
            "title": session.title,
            "started_at": session.started_at,
            "is_final": session.is_final,
            "next": following,
            "segments": rows,
        }
        return Response(TranscriptSerializer(page).data)


def _page(session: OmiSession, after: str | None) -> QuerySet[TranscriptSegment]:
    segments = session.segments.in_order()
    if after is None:
        return segments[: SEGMENTS + 1]
    if not re.fullmatch("[0-9]{1,19}", after) or int(after) > MOST_ID:
        raise ValidationError({"after": "Take it from a page's `next`."})
    last = session.segments.filter(pk=int(after)).first()
    if last is None:
        raise Refused(404, "not_found", "The transcript is another by now.", attr="after")
    return segments.after(last)[: SEGMENTS + 1]


def _next(request: Request, last: TranscriptSegment) -> str:
    url = remove_query_param(request.build_absolute_uri(), "after")
    return str(replace_query_param(url, "after", last.pk))


def _text(text: str, following: str | None) -> HttpResponse:
    response = HttpResponse(text, content_type="text/plain; charset=utf-8")
    if following:
        response["Link"] = f'<{following}>; rel="next"'
    return response
