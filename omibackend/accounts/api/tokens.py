"""Named tokens: for programs, with the rights that their owner gives them."""

from datetime import timedelta

from django.db.models import QuerySet
from rest_framework.generics import GenericAPIView, get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from omibackend.accounts.api.base import PeopleView, operation, person
from omibackend.accounts.api.permissions import OwnDevice
from omibackend.accounts.api.serializers import (
    NewTokenSerializer,
    TokenRequestSerializer,
    TokenSerializer,
)
from omibackend.accounts.models import Token
from omibackend.core.api.requests import given

# So that a scanner for leaked secrets, or a person, knows one when it sees it.
PREFIX = "omi_"


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

    @operation("tokens_list", {200: TokenSerializer(many=True)})
    def get(self, request: Request) -> Response:
        """Your named tokens, the newest first; never the tokens themselves."""
        page = self.paginate_queryset(self.get_queryset())
        return self.get_paginated_response(TokenSerializer(page, many=True).data)

    @operation("tokens_create", {201: NewTokenSerializer}, request=TokenRequestSerializer)
    def post(self, request: Request) -> Response:
        """Make a token for a program.

        The answer shows it, this once. It needs a device's token or a browser's session (with the
        header `X-CSRFToken`): a named token makes no others.
        """
        asked = given(TokenRequestSerializer, request.data)
        days = asked["expires_in_days"]
        token, secret = Token.objects.create(
            person(request),
            expiry=timedelta(days=days) if days else None,
            prefix=PREFIX,
            name=asked["name"],
            scopes=sorted(set(asked["scopes"])),
        )
        token.token = secret
        return Response(NewTokenSerializer(token).data, status=201)


class TokenView(PeopleView):
    permission_classes = (OwnDevice,)

    @operation("tokens_delete", {204: None})
    def delete(self, request: Request, pk: str) -> Response:
        """End a named token at once."""
        mine = Token.objects.filter(user=person(request), scopes__isnull=False)
        get_object_or_404(mine, id=pk).delete()
        return Response(status=204)
