"""What the workers would do about erasures, without waiting for their hour."""

from django.db.models.functions import Now

from omibackend.accounts.models import Erasure
from tests.conftest import work


def one_pass() -> None:
    Erasure.objects.filter(state="pending").update(next_attempt_at=Now())
    work("accounts")


def finish_erasures() -> None:
    one_pass()
    one_pass()
    assert not Erasure.objects.exclude(state="done").exists()
