"""Lists of the admin that stay flat to a million rows."""

from functools import cached_property
from typing import Any

from django.core.paginator import Paginator
from django.db import connection

from omibackend.core.show.human import count, several

MOST_LISTED = 10_000


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts and lists the first `MOST_LISTED`; beyond them one narrows down."""

    template_name = "admin/pages.html"

    @cached_property
    def _found(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by()[: MOST_LISTED + 1].count())

    @cached_property
    def count(self) -> int:
        return min(self._found, MOST_LISTED)

    @property
    def said(self) -> str:
        rows: Any = self.object_list
        if self._found <= MOST_LISTED:
            names = rows.model._meta
            return several(self._found, str(names.verbose_name), str(names.verbose_name_plural))
        if rows.query.where:
            return f"more than {count(MOST_LISTED)}; the first are listed"
        about = count(about_how_many(rows.model))
        return f"about {about}; the first {count(MOST_LISTED)} are listed"


def about_how_many(model: Any) -> int:
    """PostgreSQL's own estimate, as of its last look at the table."""
    table = connection.ops.quote_name(model._meta.db_table)
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass", [table])
        return max(int(cursor.fetchone()[0]), MOST_LISTED)
