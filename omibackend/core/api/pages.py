"""Pages of a list by the place where the last one ended, so that page 10,000 costs what page 1
does and a row that arrives meanwhile is neither shown twice nor hides another."""

import base64
import binascii
from collections.abc import Iterator
from typing import Any

import orjson
from django.core.exceptions import ValidationError as FieldError
from django.db import models
from django.db.models import F, Func, Q, QuerySet, Value
from django.db.models.lookups import GreaterThan, LessThan
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.urls import remove_query_param, replace_query_param

PAGE_ROWS = 50
MOST_PAGE_ROWS = 200
NO_PLACE = "No such cursor: take it from a page's `next` or `previous`."


class Pages(BasePagination):
    """`{"next", "previous", "results"}`. The order is the queryset's own: all of it descending,
    none of it null, the last column unique."""

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any]:
        self.url = request.build_absolute_uri()
        names = [str(name).lstrip("-") for name in queryset.query.order_by or _meta_order(queryset)]
        size = page_size(request)
        backwards, after = _read(request.query_params.get("cursor"), queryset.model, names)
        beyond = _beyond(names, after, queryset.model, backwards=backwards) if after else Q()
        rows = self.read(queryset.reverse() if backwards else queryset, beyond, size + 1)
        more, rows = len(rows) > size, rows[:size]
        if backwards:
            rows.reverse()
        self.before = _cursor(rows[:1], names, "p") if (more if backwards else after) else None
        self.after = _cursor(rows[-1:], names, "n") if (more or backwards) else None
        return rows

    def read(self, rows: QuerySet[Any], beyond: Any, most: int) -> list[Any]:
        """The first of the rows beyond a place."""
        return list(rows.filter(beyond)[:most])

    def get_paginated_response(self, data: Any) -> Response:
        return Response(
            {"next": self._link(self.after), "previous": self._link(self.before), "results": data}
        )

    def _link(self, cursor: str | None) -> str | None:
        if cursor is None:
            return None
        return replace_query_param(remove_query_param(self.url, "cursor"), "cursor", cursor)

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        link = {"type": "string", "format": "uri", "nullable": True, "example": None}
        return {
            "type": "object",
            "required": ["next", "previous", "results"],
            "properties": {"next": link, "previous": link, "results": schema},
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return [
            {
                "name": "cursor",
                "in": "query",
                "required": False,
                "description": "From the `next` or `previous` of another page.",
                "schema": {"type": "string"},
            },
            {
                "name": "page_size",
                "in": "query",
                "required": False,
                "description": "How many rows a page holds.",
                "schema": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": MOST_PAGE_ROWS,
                    "default": PAGE_ROWS,
                },
            },
        ]


def in_chunks(queryset: QuerySet[Any], rows: int = 200) -> Iterator[list[Any]]:
    """All of it in its order, with one chunk in memory and no transaction in between."""
    names = [str(name).lstrip("-") for name in queryset.query.order_by or _meta_order(queryset)]
    chunk = list(queryset[:rows])
    while chunk:
        yield chunk
        if len(chunk) < rows:
            return
        place = [getattr(chunk[-1], name) for name in names]
        beyond = _beyond(names, place, queryset.model, backwards=False)
        chunk = list(queryset.filter(beyond)[:rows])


def _meta_order(queryset: QuerySet[Any]) -> list[str]:
    return list(queryset.model._meta.ordering)


def page_size(request: Request) -> int:
    said = request.query_params.get("page_size", str(PAGE_ROWS))
    if not said.isascii() or not said.isdigit() or not 1 <= int(said[:6]) <= MOST_PAGE_ROWS:
        raise ValidationError({"page_size": f"A number from 1 to {MOST_PAGE_ROWS}."})
    return int(said)


def _cursor(rows: list[Any], names: list[str], way: str) -> str | None:
    """The place of a row, as an address can carry it."""
    if not rows:
        return None
    place = [getattr(rows[0], name) for name in names]
    return base64.urlsafe_b64encode(orjson.dumps([way, *place])).decode().rstrip("=")


def _read(cursor: str | None, model: Any, names: list[str]) -> tuple[bool, list[Any]]:
    if not cursor:
        return False, []
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
        way, *place = orjson.loads(raw)
        fields = [model._meta.get_field(name) for name in names]
        values = [field.to_python(part) for field, part in zip(fields, place, strict=True)]
    except (binascii.Error, ValueError, TypeError, FieldError) as error:
        raise NotFound(NO_PLACE) from error
    if way not in ("n", "p") or None in values:
        raise NotFound(NO_PLACE)
    return way == "p", values


def _beyond(names: list[str], place: list[Any], model: Any, *, backwards: bool) -> Any:
    """A comparison of rows, which PostgreSQL answers from the index whatever the ties."""
    fields = [model._meta.get_field(name) for name in names]
    here = _row(
        *(Value(part, output_field=field) for part, field in zip(place, fields, strict=True))
    )
    return (GreaterThan if backwards else LessThan)(_row(*map(F, names)), here)


def _row(*parts: Any) -> Func:
    return Func(*parts, function="ROW", output_field=models.Field())
