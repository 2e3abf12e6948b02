"""What an app keeps of people, so that all of it can be exported, and erased: a part of its
manifest."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import IO, Any

from django.db.models import Model, QuerySet

AT_ONCE = 500


class Subject(StrEnum):
    """Whom something can be kept of; each is known by a value of its own."""

    ACCOUNT = "account"


Rows = Callable[[int], QuerySet[Any]]


def rows_of(model: type[Model], account: str = "owner") -> Rows:
    """Those whose column or relation of that name is the account."""
    return lambda user_id: model._default_manager.filter(**{account: user_id})


@dataclass(frozen=True)
class Table:
    """Rows of one kind; `rows` takes the id of an account. `exported` names its columns, with
    spaces between. Without it they are erased only: they say nothing that another table does not.
    """

    name: str
    rows: Rows
    exported: str = ""

    @property
    def columns(self) -> list[str]:
        return self.exported.split()

    def ids(self, user_id: int) -> list[Any]:
        return list(self.rows(user_id).order_by("pk").values_list("pk", flat=True))

    def of(self, ids: list[Any]) -> QuerySet[Any]:
        """By id: a page of a listing may come long after the listing was made."""
        model: Any = self.rows(0).model
        found: QuerySet[Any] = model._base_manager.filter(pk__in=ids).order_by("pk")
        return found


@dataclass(frozen=True)
class File:
    """A file in the export; opened when its turn comes."""

    name: str
    open: Callable[[], IO[bytes]]


@dataclass(frozen=True)
class PersonalData:
    """Of one app and one kind of subject, whose value its functions take. Its tables are erased in
    their order: parts before the whole."""

    app: str
    tables: tuple[Table, ...]
    subject: Subject = Subject.ACCOUNT
    files: Callable[[int], Iterator[File]] = lambda _: iter(())
    # What senders call the person by; erased ones are remembered as hashes.
    uids: Callable[[int], Iterable[str]] = lambda _: ()
    # What is not in a table: files, Redis keys. Runs before the rows go, and may run again.
    forget: Callable[[int], None] = lambda _: None
