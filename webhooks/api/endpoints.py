"""A person's own endpoints over REST. Tokens and secrets are shown once, when they are made."""

from datetime import timedelta
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.generics import GenericAPIView
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from omibackend.accounts.api.permissions import InScope, OwnDevice
from omibackend.core.api.examples import examples
from omibackend.core.api.requests import given, person_id
from omibackend.core.api.serializers import ErrorsSerializer, Strict
from webhooks import health
from webhooks.inbox import endpoints
from webhooks.inbox.endpoints import Made
from webhooks.models import Endpoint, Policy
from webhooks.providers.registry import PROVIDERS, settings_of

EXAMPLES = examples("webhooks.api")
MOST_OVERLAP_S = 366 * 86_400
MOST_PER_MINUTE = 1_000_000
NAME = r"\A[^\x00-\x20][^\x00-\x1f]*\Z"
SENDERS = [(each.name, each.label) for each in PROVIDERS.values() if not each.staff_only]


class EndpointHealthSerializer(serializers.Serializer[Any]):
    state = serializers.ChoiceField([(state.value, state.value) for state in health.EndpointState])
    words = serializers.CharField()
    last_delivery_at = serializers.DateTimeField(allow_null=True)
    last_signature = serializers.CharField(
        help_text='"valid", "previous secret", or "" for an unsigned one'
    )
    last_error = serializers.CharField(help_text="of the newest 200 deliveries")
    last_error_at = serializers.DateTimeField(allow_null=True)
    running_failures = serializers.IntegerField(
        help_text="requests refused in a row since the last accepted one, at most 200"
    )
    sender_may_switch_off = serializers.BooleanField()


class EndpointSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    provider = serializers.CharField()
    name = serializers.CharField()
    policy = serializers.ChoiceField(Policy.choices)
    signed = serializers.SerializerMethodField(help_text="whether it has a signing secret")
    enabled = serializers.BooleanField()
    shared = serializers.BooleanField(help_text="many people's; set by staff")
    rate_limit_per_minute = serializers.IntegerField(allow_null=True)
    token_hint = serializers.CharField(help_text="the token's last four characters")
    old_token_accepted = serializers.BooleanField(source="accepts_previous_token")
    old_token_until = serializers.DateTimeField(source="previous_token_until", allow_null=True)
    old_secret_accepted = serializers.BooleanField(source="accepts_previous_secret")
    old_secret_until = serializers.DateTimeField(source="previous_secret_until", allow_null=True)
    settings = serializers.SerializerMethodField(help_text="the sender's own; secrets are masked")
    created_at = serializers.DateTimeField()
    health = serializers.SerializerMethodField()

    def get_signed(self, row: Endpoint) -> bool:
        return bool(row.secret)

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_settings(self, row: Endpoint) -> Any:
        return endpoints.shown_settings(row, settings_of(row))

    @extend_schema_field(EndpointHealthSerializer)
    def get_health(self, row: Endpoint) -> Any:
        return EndpointHealthSerializer(self.context["health"][row.pk]).data


class MadeSerializer(EndpointSerializer):
    token = serializers.CharField(allow_null=True, help_text="shown this once")
    url = serializers.URLField(allow_null=True, help_text="what to paste into the sender")
    curl = serializers.CharField(allow_null=True, help_text="a first delivery, ready to paste")
    secret = serializers.CharField(allow_null=True, help_text="shown this once")


class MakeSerializer(Strict):
    provider = serializers.ChoiceField(SENDERS)
    name = serializers.RegexField(NAME, max_length=80, trim_whitespace=False)
    policy = serializers.ChoiceField(
        Policy.choices, required=False, help_text="default: token, or both if signed"
    )
    signed = serializers.BooleanField(
        default=False, help_text="with a signing secret, made here and shown once"
    )
    enabled = serializers.BooleanField(default=True)
    rate_limit_per_minute = serializers.IntegerField(
        min_value=1, max_value=MOST_PER_MINUTE, allow_null=True, default=None
    )


class ChangeSerializer(Strict):
    name = serializers.RegexField(NAME, max_length=80, trim_whitespace=False, required=False)
    policy = serializers.ChoiceField(Policy.choices, required=False)
    enabled = serializers.BooleanField(required=False)
    rate_limit_per_minute = serializers.IntegerField(
        min_value=1, max_value=MOST_PER_MINUTE, allow_null=True, required=False
    )
    settings = serializers.DictField(required=False, help_text="all of the sender's own")


class RotateSerializer(Strict):
    what = serializers.ChoiceField(["token", "secret", "both"], default="token")
    new_secret = serializers.RegexField(
        r"\A[!-~]+\Z",
        min_length=endpoints.LEAST_SECRET_CHARS,
        max_length=200,
        required=False,
        help_text="the one that the sender made; then the secret is rotated whatever `what` says",
    )
    overlap_s = serializers.IntegerField(
        min_value=0,
        max_value=MOST_OVERLAP_S,
        allow_null=True,
        default=None,
        help_text="how long the old ones stay valid, in seconds; null: until they are retired",
    )


class OwnEndpoints(GenericAPIView[Endpoint]):
    """Who may read may see them. To make or change one takes the person: it lets data in."""

    serializer_class = EndpointSerializer

    def get_permissions(self) -> list[Any]:
        kind: type[BasePermission] = InScope if self.request.method in SAFE_METHODS else OwnDevice
        return [kind()]

    def get_queryset(self) -> QuerySet[Endpoint]:
        if getattr(self, "swagger_fake_view", False):
            return Endpoint.objects.none()
        return Endpoint.objects.filter(owner=person_id(self.request)).order_by("-id")

    def shown(self, rows: list[Endpoint]) -> Any:
        return EndpointSerializer(rows, many=True, context={"health": health.of(rows)}).data

    def once(self, request: Request, made: Made) -> dict[str, Any]:
        row = made.endpoint
        url = request.build_absolute_uri(f"/webhooks/{row.provider}/{made.token}/")
        once = {
            "token": made.token,
            "url": url if made.token else None,
            "curl": PROVIDERS[row.provider].first().curl(url) if made.token else None,
            "secret": made.secret,
        }
        return {**self.shown([row])[0], **once}


@extend_schema(tags=["endpoints"])
class EndpointsView(OwnEndpoints):
    @extend_schema(
        operation_id="endpoints_list",
        responses=EndpointSerializer(many=True),
        examples=EXAMPLES["endpoints_read"],
    )
    def get(self, request: Request) -> Response:
        """Your webhook endpoints, the newest first, each with how it is doing."""
        rows = self.paginate_queryset(self.get_queryset()) or []
        return self.get_paginated_response(self.shown(list(rows)))

    @extend_schema(
        operation_id="endpoints_create",
        request=MakeSerializer,
        responses={201: MadeSerializer},
        examples=EXAMPLES["endpoints_create"],
    )
    def post(self, request: Request) -> Response:
        """Make an endpoint: its address to paste into the sender is in this answer only."""
        fields = given(MakeSerializer, request.data)
        signed = fields.pop("signed")
        fields.setdefault("policy", Policy.BOTH if signed else Policy.TOKEN)
        made = endpoints.create(Endpoint(owner_id=person_id(request), **fields), signed=signed)
        made.endpoint.refresh_from_db()
        return Response(self.once(request, made), status=201)


@extend_schema(tags=["endpoints"])
class EndpointView(OwnEndpoints):
    @extend_schema(operation_id="endpoints_read", examples=EXAMPLES["endpoints_read"])
    def get(self, request: Request, pk: str) -> Response:
        """One endpoint and how it is doing: last delivery, last error, refusals in a row."""
        return Response(self.shown([self.get_object()])[0])

    @extend_schema(
        operation_id="endpoints_change",
        request=ChangeSerializer,
        responses={200: EndpointSerializer, 409: ErrorsSerializer},
        examples=EXAMPLES["endpoints_change"] + EXAMPLES["endpoints_read"],
    )
    def patch(self, request: Request, pk: str) -> Response:
        """Rename it, switch it on or off, limit it. It acts within three seconds."""
        row = self.get_object()
        changed = endpoints.change(row, given(ChangeSerializer, request.data), settings_of(row))
        return Response(self.shown([changed])[0])

    @extend_schema(operation_id="endpoints_delete", responses={204: None})
    def delete(self, request: Request, pk: str) -> Response:
        """Delete it with the raw deliveries that it received. What they became stays."""
        endpoints.remove(self.get_object())
        return Response(status=204)


@extend_schema(tags=["endpoints"])
class RotateView(OwnEndpoints):
    @extend_schema(
        operation_id="endpoints_rotate",
        request=RotateSerializer,
        responses=MadeSerializer,
        examples=EXAMPLES["endpoints_rotate"],
    )
    def post(self, request: Request, pk: str) -> Response:
        """A new token, a new signing secret or both; the old ones stay valid for the overlap."""
        row = self.get_object()
        wanted = given(RotateSerializer, request.data)
        secret = wanted.get("new_secret")
        if secret is None and wanted["what"] != "token":
            secret = endpoints.new_secret()
        overlap_s = wanted["overlap_s"]
        made = endpoints.rotate(
            row,
            new_token=wanted["what"] != "secret",
            secret=secret,
            overlap=None if overlap_s is None else timedelta(seconds=overlap_s),
        )
        return Response(self.once(request, made))

    @extend_schema(operation_id="endpoints_end_overlap", responses={204: None})
    def delete(self, request: Request, pk: str) -> Response:
        """End the overlap: the old token and the old secret are refused from now on."""
        endpoints.end_overlap(self.get_object())
        return Response(status=204)
