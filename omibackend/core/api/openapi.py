"""How each operation of the API is described."""

from typing import Any

from drf_spectacular.utils import PolymorphicProxySerializer
from drf_standardized_errors.openapi import AutoSchema

from omibackend.core.api.pages import Pages


class Schema(AutoSchema):
    def _get_request_body(self, direction: Any = "request") -> Any:
        """What is sent in one of several forms cannot be left out, which the library forgets."""
        body: Any = super()._get_request_body(direction)  # type: ignore[no-untyped-call]
        if body and isinstance(self.get_request_serializer(), PolymorphicProxySerializer):
            body["required"] = True
        return body

    def _should_add_http404_error_response(self) -> bool:
        """A cursor that is none is a page that is not there."""
        pages: Any = self._get_paginator()  # type: ignore[no-untyped-call]
        return isinstance(pages, Pages) or super()._should_add_http404_error_response()
