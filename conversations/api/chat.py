from typing import Any

from django.conf import settings
from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from conversations.api.serializers import (
    ActivateSerializer,
    ChatAnswerSerializer,
    ChatSerializer,
    ContextStatusSerializer,
    SwitchedSerializer,
    SwitchSerializer,
    status_of,
)
from conversations.assistant import chat, contexts
from conversations.models import Space
from omibackend.accounts.models import Scope
from omibackend.core.api.examples import operations
from omibackend.core.api.requests import given, person_id
from omibackend.core.api.serializers import ErrorsSerializer

described = operations("conversations.api", ["chat"])


def _status(request: Request, key: str) -> Response:
    state = contexts.state_of(person_id(request), key)
    return Response(ContextStatusSerializer(status_of(state)).data)


class ChatView(APIView):
    """The answer comes whole. As server-sent events it would hold a web thread for as long as the
    model thinks, so there is no stream."""

    scope = Scope.CHAT
    throttle_scope = "chat"

    @described(
        "chat",
        request=ChatSerializer,
        responses={
            200: ChatAnswerSerializer,
            404: OpenApiResponse(ErrorsSerializer, "The chat was deleted meanwhile."),
            502: OpenApiResponse(ErrorsSerializer, "The model's server refuses: see the log."),
            503: OpenApiResponse(ErrorsSerializer, "Too many wait: ask again after Retry-After."),
            504: OpenApiResponse(ErrorsSerializer, "The model gave no answer in time."),
        },
    )
    def post(self, request: Request) -> Response:
        """Answers from the memories, from what was heard lately, from the chat so far and the
        active window. The same message within five seconds gets the same answer."""
        asked = given(ChatSerializer, request.data)
        answered = chat.ask(
            owner_id=person_id(request),
            session_id=asked["session_id"],
            text=asked["message"],
            context=asked.get("context", ""),
        )
        return Response(ChatAnswerSerializer(answered).data)


class ContextView(APIView):
    scope = Scope.CHAT

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if not settings.ENABLE_CONTEXT_ACTIVATION:
            raise Http404


class SwitchView(ContextView):
    @described(
        "context_switch",
        request=SwitchSerializer,
        responses={
            200: SwitchedSerializer,
            404: OpenApiResponse(ErrorsSerializer, "ENABLE_CONTEXT_ACTIVATION is off."),
        },
    )
    def post(self, request: Request) -> Response:
        """Turns the assistant to another space; by voice: “Hey Omi, switch to memories”."""
        asked = given(SwitchSerializer, request.data)
        space = Space(asked["space"])
        before = contexts.switch(owner_id=person_id(request), key=asked["session_id"], space=space)
        said = f"Switched to {space}." if before != space else f"Already in {space}."
        answer = {"success": True, "previousSpace": before, "currentSpace": space, "message": said}
        return Response(SwitchedSerializer(answer).data)


class WindowsView(ContextView):
    @described(
        "context_windows",
        shows="context_status",
        request=ActivateSerializer,
        responses={
            200: ContextStatusSerializer,
            404: OpenApiResponse(ErrorsSerializer, "An empty slot, or no such conversation."),
        },
    )
    def post(self, request: Request) -> Response:
        """Makes one of five windows the active one, with a conversation of the caller's put into
        it if one is given; by voice: “Hey Omi, select window 2”."""
        asked = given(ActivateSerializer, request.data)
        contexts.activate(
            owner_id=person_id(request),
            key=asked["session_id"],
            slot=asked["slot"],
            conversation_id=asked.get("conversation_id"),
        )
        return _status(request, asked["session_id"])


class StatusView(ContextView):
    @described(
        "context_status",
        parameters=[
            OpenApiParameter(
                "session_id", {"type": "string", "minLength": 1, "maxLength": 128}, "path"
            )
        ],
        responses=ContextStatusSerializer,
    )
    def get(self, request: Request, session_id: str) -> Response:
        """The space, what the assistant waits for, and the five windows."""
        return _status(request, session_id)
