"""Named tokens: for programs, with the rights that their owner gives them."""

from datetime import timedelta

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.generics import GenericAPIView, get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from omibackend.accounts.api.base import TAG, PeopleView, person
from omibackend.accounts.api.permissions import OwnDevice
from omibackend.accounts.api.serializers import (
    NewTokenSerializer,
    TokenRequestSerializer,
    TokenSerializer,
)
from omibackend.accounts.models import Token
from omibackend.core.api.serializers import ErrorsSerializer

# So that a scanner for leaked secrets, or a person, knows one when it sees it.
PREFIX = "omi_"
EXAMPLE = {
    "id": "01936b5e-7a10-7c3e-9f55-0d1c2b3a4f5e",
    "name": "Backup script",
    "scopes": ["read"],
    "created": "2026-11-20T08:00:00Z",
    "expiry": "2027-02-18T08:00:00Z",
    "last_used_at": None,
}


class TokensView(PeopleView, GenericAPIView[Token]):
    permission_classes = (OwnDevice,)
    serializer_class = TokenSerializer
    filter_backends = ()

    def get_queryset(self) -> QuerySet[Token]:
        if getattr(self, "swagger_fake_view", False):
            return QuerySet(Token).none()
        found: QuerySet[Token] = Token.objects.filter(
            user=person(self.request), scopes__isnull=False
        )
        return found.order_by("-id")

    @extend_schema(
        operation_id="tokens_list",
        tags=TAG,
        responses={200: TokenSerializer(many=True), 404: ErrorsSerializer},
        examples=[OpenApiExample("A token", EXAMPLE, response_only=True, status_codes=["200"])],
    )
    def get(self, request: Request) -> Response:
        """Your named tokens, the newest first; never the tokens themselves."""
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(TokenSerializer(page, many=True).data)

    @extend_schema(
        operation_id="tokens_create",
        tags=TAG,
        request=TokenRequestSerializer,
        responses={201: NewTokenSerializer, 404: ErrorsSerializer},
        examples=[
            OpenApiExample(
                "For a script",
                {"name": "Backup script", "scopes": ["read"], "expires_in_days": 90},
                request_only=True,
            ),
            OpenApiExample(
                "Made",
                {**EXAMPLE, "token": "omi_4be1…"},
                response_only=True,
                status_codes=["201"],
            ),
        ],
    )
    def post(self, request: Request) -> Response:
        """Make a token for a program.

        The answer shows it, this once. It needs a device's token or a browser's session (with the
        header `X-CSRFToken`): a named token makes no others.
        """
        asked = TokenRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        days = asked.validated_data["expires_in_days"]
        token, secret = Token.objects.create(
            person(request),
            expiry=timedelta(days=days) if days else None,
            prefix=PREFIX,
            name=asked.validated_data["name"],
            scopes=sorted(set(asked.validated_data["scopes"])),
        )
        token.token = secret
        return Response(NewTokenSerializer(token).data, status=201)


class TokenView(PeopleView):
    permission_classes = (OwnDevice,)

    @extend_schema(
        operation_id="tokens_delete",
        tags=TAG,
        responses={204: None, 404: ErrorsSerializer},
    )
    def delete(self, request: Request, pk: str) -> Response:
        """End a named token at once."""
        mine = Token.objects.filter(user=person(request), scopes__isnull=False)
        get_object_or_404(mine, id=pk).delete()
        return Response(status=204)
