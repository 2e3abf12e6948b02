"""Six digits that prove a uid: few, so they are tried seldom and not for long."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now

from omibackend.core.errors import Refused
from webhooks.models import LinkCode, LinkTries, OmiLink
from webhooks.providers.omi import links

UID = "WLD5vrGKpaNv1tQ8hZ3Yc2mX4Jb1"


@pytest.fixture
def stranger(django_user_model: Any) -> Any:
    return django_user_model.objects.create_user("eve@example.org", "a long enough passphrase")


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 1_000_000:06}"


def refusal(user: Any, code: str) -> str:
    with pytest.raises(Refused) as caught:
        links.confirm_pushed(user_id=user.pk, code=code)
    return caught.value.code


def age(by: timedelta) -> None:
    LinkCode.objects.update(expires_at=Now() - by)


@pytest.mark.parametrize(
    "said",
    [
        "Hey Omi, verify 123456.",
        "verify 1 2 3 4 5 6",
        "Verify 123 456 please",
        "verify 12-34-56",
        "hey omi verify one two three four five six",
        "Verify code: 1, 2, 3, 4, 5, 6.",
        "verify 9 no wait. Verify my code is 123,456",
        "Verified 1 2 3 four five 6",
    ],
)
def test_it_hears_a_code_however_it_was_transcribed(said: str) -> None:
    assert links.spoken_code(said) == "123456"


@pytest.mark.parametrize(
    "said",
    [
        "",
        "123456",
        "verify 12345",
        "verify 1234567",
        "verify that we meet at 123456",
        "clarify 123456",
        "verify \u0661\u0662\u0663\u0664\u0665\u0666",
    ],
)
def test_it_hears_no_code_in_other_words(said: str) -> None:
    assert links.spoken_code(said) is None


def test_it_hears_zero_as_people_say_it() -> None:
    assert links.spoken_code("verify zero oh O one two 3") == "000123"


def test_it_links_the_phone_that_showed_the_code(owner: Any) -> None:
    code, _ = links.start(user_id=owner.pk, uid=UID)
    assert links.confirm_pushed(user_id=owner.pk, code=code).uid == UID
    assert links.owners_of([UID, "other"], using="default") == {UID: owner.pk}
    assert refusal(owner, code) == "wrong_code"


def test_it_stores_neither_the_code_nor_a_plain_hash_of_it(owner: Any) -> None:
    code, _ = links.start(user_id=owner.pk)
    row = LinkCode.objects.get()
    assert code not in row.code_hash
    links.confirm_spoken(uid=UID, code=wrong(code))
    assert UID not in LinkTries.objects.get().key


def test_it_takes_a_code_only_from_who_started_it(owner: Any, stranger: Any) -> None:
    code, _ = links.start(user_id=owner.pk, uid=UID)
    assert refusal(stranger, code) == "wrong_code"
    assert not OmiLink.objects.exists()


def test_it_takes_no_code_that_was_to_be_spoken(owner: Any) -> None:
    code, _ = links.start(user_id=owner.pk)
    assert refusal(owner, code) == "wrong_code"


def test_it_ends_a_code_after_five_tries(owner: Any) -> None:
    code, _ = links.start(user_id=owner.pk, uid=UID)
    for _ in range(5):
        assert refusal(owner, wrong(code)) == "wrong_code"
    assert refusal(owner, code) == "wrong_code"
    assert not OmiLink.objects.exists()


def test_it_ends_a_code_after_ten_minutes(owner: Any) -> None:
    code, expires_at = links.start(user_id=owner.pk, uid=UID)
    assert expires_at - LinkCode.objects.annotate(now=Now()).get().now <= timedelta(minutes=10)
    age(timedelta(seconds=1))
    assert refusal(owner, code) == "wrong_code"


def test_it_voids_a_code_by_a_new_one(owner: Any) -> None:
    first, _ = links.start(user_id=owner.pk, uid=UID)
    second, _ = links.start(user_id=owner.pk, uid=UID)
    if first != second:
        assert refusal(owner, first) == "wrong_code"
    assert links.confirm_pushed(user_id=owner.pk, code=second)


def test_it_limits_guesses_for_one_uid_over_codes_and_accounts(
    owner: Any, stranger: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(links, "MOST_GUESSES", 6)
    for user in (owner, stranger):
        code, _ = links.start(user_id=user.pk, uid=UID)
        for _ in range(3):
            refusal(user, wrong(code))
    assert refusal(stranger, code) == "throttled"
    assert not OmiLink.objects.exists()


def test_it_pushes_few_codes_to_one_phone(owner: Any) -> None:
    for _ in range(5):
        links.start(user_id=owner.pk, uid=UID)
    with pytest.raises(Refused, match="Too many codes"):
        links.start(user_id=owner.pk, uid=UID)
    LinkTries.objects.update(since=Now() - timedelta(hours=1, seconds=1))
    assert links.start(user_id=owner.pk, uid=UID)


def test_it_links_the_wearable_that_heard_the_code(owner: Any) -> None:
    code, _ = links.start(user_id=owner.pk)
    assert not links.confirm_spoken(uid=UID, code=wrong(code))
    assert links.confirm_spoken(uid=UID, code=code)
    assert OmiLink.objects.get().user == owner
    assert not links.confirm_spoken(uid="another", code=code)


def test_it_hears_a_wearable_that_guesses_no_more(owner: Any) -> None:
    code, _ = links.start(user_id=owner.pk)
    for _ in range(5):
        assert not links.confirm_spoken(uid=UID, code=wrong(code))
    assert not links.confirm_spoken(uid=UID, code=code)
    assert links.confirm_spoken(uid="another", code=code)


def test_it_hears_no_code_that_was_pushed_or_is_old(owner: Any) -> None:
    pushed, _ = links.start(user_id=owner.pk, uid=UID)
    assert not links.confirm_spoken(uid="another", code=pushed)
    spoken, _ = links.start(user_id=owner.pk)
    age(timedelta(seconds=1))
    assert not links.confirm_spoken(uid="another", code=spoken)


def test_it_never_takes_a_wearable_from_somebody(owner: Any, stranger: Any) -> None:
    OmiLink.objects.create(user=owner, uid=UID)
    code, _ = links.start(user_id=stranger.pk)
    assert not links.confirm_spoken(uid=UID, code=code)
    code, _ = links.start(user_id=stranger.pk, uid=UID)
    assert refusal(stranger, code) == "linked_elsewhere"
    assert OmiLink.objects.get().user == owner


def test_it_gives_two_people_different_codes_to_speak(
    owner: Any, stranger: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = iter([7, 7, 7, 8])
    monkeypatch.setattr("secrets.randbelow", lambda _: next(drawn))
    assert links.start(user_id=owner.pk)[0] == "000007"
    assert links.start(user_id=stranger.pk)[0] == "000008"


def test_it_knows_nobody_behind_an_account_that_is_off(owner: Any) -> None:
    OmiLink.objects.create(user=owner, uid=UID)
    owner.is_active = False
    owner.save(update_fields=["is_active"])
    assert links.owners_of([UID], using="default") == {}


def test_it_unlinks(owner: Any, stranger: Any) -> None:
    OmiLink.objects.create(user=owner, uid=UID)
    OmiLink.objects.create(user=stranger, uid="hers")
    links.start(user_id=owner.pk)
    assert links.unlink(owner.pk) == 1
    assert OmiLink.objects.get().uid == "hers"
    assert not LinkCode.objects.exists()
