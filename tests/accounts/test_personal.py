"""Nothing that is kept of a person is left out of an export or an erasure."""

from collections.abc import Iterator

from django.apps import apps
from django.db.models import ForeignKey, Model

from omibackend.accounts.models import User
from omibackend.core import manifest

# Tables of Django's and of libraries: the link of a person to a group says nothing of its own,
# and the log of the admin is cleared with what it tells of.
OF_OTHERS = {"auth", "admin", "knox", "contenttypes", "sessions", "socialaccount"}
# Of a library's, which goes with its address.
WITHOUT_WORDS = {"account.emailconfirmation"}


def owned() -> Iterator[type[Model]]:
    """The models whose rows belong to a person, directly or as a part of what does."""
    found: set[type[Model]] = {User}
    grew = True
    while grew:
        grew = False
        for model in apps.get_models():
            whole = {
                field.related_model
                for field in model._meta.get_fields()
                if isinstance(field, ForeignKey)
            }
            if model not in found and whole & found:
                found.add(model)
                grew = True
    yield from found


def test_it_knows_all_that_is_kept_of_a_person() -> None:
    known = {table.rows(0).model for data in manifest.personal_data() for table in data.tables}
    missing = {
        model._meta.label_lower
        for model in set(owned()) - known
        if model._meta.app_label not in OF_OTHERS
    }
    assert missing - WITHOUT_WORDS == set()
