"""As lean as DRF allows."""

from typing import Any

from rest_framework import serializers
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from omibackend.core.errors import Refused


class NoNegotiation(BaseContentNegotiation):
    """A sender gets JSON, whatever it says it accepts."""

    def select_parser(self, request: Any, parsers: Any) -> None:
        return None

    def select_renderer(self, request: Any, renderers: Any, format_suffix: Any = None) -> Any:
        return renderers[0], renderers[0].media_type


class WebhookErrorSerializer(serializers.Serializer[Any]):
    type = serializers.CharField(help_text="client_error or server_error")
    errors = serializers.ListField(  # type: ignore[assignment]
        child=serializers.DictField(), help_text="code, detail (what to mend), attr"
    )


class LeanView(APIView):
    """For senders. Authentication is the endpoint's, over the raw bytes."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()
    parser_classes = ()
    renderer_classes = (JSONRenderer,)
    content_negotiation_class = NoNegotiation
    versioning_class = None

    def perform_authentication(self, request: Request) -> None:
        """There is no user to find: the endpoint proves itself in the receiver."""

    def handle_exception(self, exc: Exception) -> Any:
        if isinstance(exc, Refused):
            return exc.response()
        return super().handle_exception(exc)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(response, Response):
            return super().finalize_response(request, response, *args, **kwargs)
        response["Content-Length"] = str(len(response.content))
        # DRF keeps the request on the view and the view on the request: a cycle for the
        # collector, which shows in the p99.
        del self.request
        return response
