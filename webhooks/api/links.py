"""Binding a wearable to an account, for endpoints that many people share."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from conversations.voice import omi_api
from omibackend.accounts.api.permissions import InScope, OwnDevice
from omibackend.core.api.examples import examples
from omibackend.core.api.requests import given, person_id
from omibackend.core.api.serializers import ErrorsSerializer, Strict
from omibackend.core.errors import Refused, SetAside
from omibackend.core.work import lanes
from omibackend.core.work.outbox import MaybeSent, NotSent
from webhooks.models import OmiLink
from webhooks.providers.omi import links, shared

EXAMPLES = examples("webhooks.api")
RETRY_AFTER_S = 30


class LinkSerializer(serializers.ModelSerializer[OmiLink]):
    class Meta:
        model = OmiLink
        fields = ("uid", "linked_at")
        read_only_fields = fields


class LinksSerializer(serializers.Serializer[Any]):
    links = LinkSerializer(many=True)


class StartSerializer(Strict):
    uid = serializers.RegexField(
        r"\A[A-Za-z0-9_-]+\Z",
        max_length=128,
        trim_whitespace=False,
        required=False,
        help_text="Omi's id of the person",
    )


class StartedSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(allow_null=True, help_text="to be spoken; null if it was pushed")
    say = serializers.CharField(allow_null=True)
    pushed = serializers.BooleanField(help_text="the code is on the phone: confirm it")
    expires_at = serializers.DateTimeField()


class ConfirmSerializer(Strict):
    code = serializers.RegexField(
        r"\A[0-9]{6}\Z", max_length=6, min_length=6, trim_whitespace=False
    )


@extend_schema(tags=["link"])
class LinkView(APIView):
    def get_permissions(self) -> list[Any]:
        return [InScope() if self.request.method in SAFE_METHODS else OwnDevice()]

    @extend_schema(
        operation_id="link_omi_read",
        responses=LinksSerializer,
        examples=EXAMPLES["link_omi_read"],
    )
    def get(self, request: Request) -> Response:
        """The wearables that are linked to your account."""
        rows = OmiLink.objects.filter(user=person_id(request))
        return Response(LinksSerializer({"links": rows}).data)

    @extend_schema(operation_id="link_omi_delete", responses={204: None})
    def delete(self, request: Request) -> Response:
        """Unlink all of them. What was received stays yours; what comes now is nobody's."""
        links.unlink(person_id(request))
        return Response(status=204)


@extend_schema(tags=["link"])
class StartView(APIView):
    permission_classes = (OwnDevice,)
    throttle_scope: ClassVar[str] = "link_start"

    @extend_schema(
        operation_id="link_omi_start",
        request=StartSerializer,
        responses={200: StartedSerializer, 409: ErrorsSerializer, 503: ErrorsSerializer},
        examples=EXAMPLES["link_omi_start"],
    )
    def post(self, request: Request) -> Response:
        """Six digits for ten minutes: pushed to the phone of `uid`, or shown, to be spoken."""
        uid = given(StartSerializer, request.data).get("uid", "")
        if uid and not omi_api.is_configured():
            raise Refused(
                409,
                "not_configured",
                "This installation pushes nothing (no OMI_APP_ID): start without uid and speak.",
                attr="uid",
            )
        code, expires_at = links.start(user_id=person_id(request), uid=uid)
        if uid:
            _push(uid, code)
        shown = {} if uid else {"code": code, "say": f"Hey Omi, verify {code}"}
        started = {"code": None, "say": None, "pushed": bool(uid), "expires_at": expires_at}
        return Response(StartedSerializer({**started, **shown}).data)


def _push(uid: str, code: str) -> None:
    """A code that may have arrived counts as sent: the person sees it, or starts again."""
    try:
        omi_api.notify(uid, f"{code} is your code to link this Omi. It ends in ten minutes.")
    except MaybeSent:
        return
    except NotSent as error:
        raise Refused(503, "not_sent", str(error), retry_after_s=RETRY_AFTER_S) from error
    except SetAside as error:
        raise Refused(409, "not_sent", str(error), attr="uid") from error


@extend_schema(tags=["link"])
class ConfirmView(APIView):
    permission_classes = (OwnDevice,)
    throttle_scope: ClassVar[str] = "link_confirm"

    @extend_schema(
        operation_id="link_omi_confirm",
        request=ConfirmSerializer,
        responses={200: LinkSerializer, 409: ErrorsSerializer},
        examples=EXAMPLES["link_omi_confirm"],
    )
    def post(self, request: Request) -> Response:
        """The digits from the phone link its wearable; what waited for that becomes yours."""
        code = given(ConfirmSerializer, request.data)["code"]
        link = links.confirm_pushed(user_id=person_id(request), code=code)
        shared.cache.forget(link.uid)
        if shared.replay([link.uid]):
            lanes.wake("inbox")
        return Response(LinkSerializer(link).data)
