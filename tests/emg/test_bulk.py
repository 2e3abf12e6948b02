"""Files whose webhook never came, and recordings analysed again."""

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db.models.functions import Now

from emg.analytics import parameters
from emg.models import Recording
from omibackend.core.work import leased, registry
from omibackend.core.work.leased import State
from tests.conftest import payload, work
from tests.emg.c3d_files import emg_file
from tests.emg.uploads import BUCKET, PATH, Bucket
from webhooks.models import Delivery, Endpoint

PLAIN = payload("storage/plain__object")


def said(*arguments: str, **options: Any) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out, **options)
    return out.getvalue()


class TestSweep:
    def test_it_takes_in_the_files_that_nobody_told_of(self, bucket: Bucket) -> None:
        bucket.put(emg_file(seed=1))
        bucket.put(emg_file(seed=2), path="P040/P040S001/second.C3D")
        bucket.put(b"", path="P040/notes.txt")
        bucket.tell(PLAIN)
        work("inbox", "emg")
        expected = "2 C3D files: 1 already here, 1 told of now."
        assert said("sweep_bucket", BUCKET, dry_run=True).strip() == expected
        assert Delivery.objects.count() == 1
        assert said("sweep_bucket", BUCKET).strip() == expected
        work("inbox", "emg")
        assert {row.state for row in Recording.objects.all()} == {State.DONE}
        assert said("sweep_bucket", BUCKET).strip() == "2 C3D files: 2 already here."
        assert Delivery.objects.count() == 2

    def test_it_finds_a_file_that_was_replaced(self, bucket: Bucket) -> None:
        for seed in (1, 2):
            bucket.put(emg_file(seed=seed))
            assert "1 told of now" in said("sweep_bucket", BUCKET)
            work("inbox", "emg")
        assert Recording.objects.filter(state=State.DONE).count() == 2

    def test_it_tells_again_of_a_file_that_was_given_up(self, bucket: Bucket) -> None:
        bucket.tell(PLAIN)
        work("inbox")
        Recording.objects.update(state=State.DEAD, attempt_log=[{"error": "not there"}])
        bucket.put(emg_file())
        assert "1 told of now" in said("sweep_bucket", BUCKET)
        work("inbox", "emg")
        assert Recording.objects.get().state == State.DONE

    def test_it_takes_a_late_webhook_for_the_same(self, bucket: Bucket) -> None:
        bucket.put(emg_file())
        said("sweep_bucket", BUCKET)
        bucket.tell(payload("storage/supabase__insert_null_metadata"))
        bucket.tell(payload("storage/supabase__update"))
        work("inbox", "emg")
        assert Recording.objects.get().state == State.DONE

    def test_it_says_what_it_cannot_do(self, bucket: Bucket) -> None:
        for arguments in (["../x"], [BUCKET, "--endpoint", "7"]):
            with pytest.raises(CommandError):
                said("sweep_bucket", *arguments)
        Endpoint.objects.all().delete()
        with pytest.raises(CommandError, match="create_endpoint storage"):
            said("sweep_bucket", BUCKET)


class TestReanalyse:
    @pytest.fixture
    def done(self, bucket: Bucket) -> Recording:
        bucket.put(emg_file())
        bucket.tell(PLAIN)
        work("inbox", "emg")
        return Recording.objects.get()

    def test_it_does_nothing_where_nothing_has_changed(self, done: Recording) -> None:
        assert "0 recordings" in said("reanalyse", outdated=True, dry_run=True)
        said("reanalyse", "--all", "--no-wait")
        work("emg")
        again = Recording.objects.get()
        assert (again.state, again.analysed_at) == (State.DONE, done.analysed_at)

    def test_it_analyses_by_the_parameters_of_now(
        self, done: Recording, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(parameters, "VERSION", "next")
        assert "1 recordings" in said("reanalyse", outdated=True, dry_run=True)
        said("reanalyse", "--outdated", "--no-wait")
        work("emg")
        again = Recording.objects.get()
        assert again.processing_version == "next"
        assert again.analysed_at != done.analysed_at

    def test_it_lets_new_recordings_pass(self, bucket: Bucket, done: Recording) -> None:
        said("reanalyse", "--all", "--no-wait")
        bucket.put(emg_file(seed=2), path="new.c3d")
        bucket.tell({"bucket": BUCKET, "object_path": "new.c3d"})
        kind = registry.work_types[Recording]
        (first,) = leased.claim(kind, limit=1, fresh=True)
        assert first.object_path == "new.c3d"

    def test_it_keeps_what_it_has_if_the_file_is_gone(
        self, bucket: Bucket, done: Recording, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (bucket.root / BUCKET / PATH).unlink()
        monkeypatch.setattr(parameters, "VERSION", "next")
        said("reanalyse", done.session_id, "--no-wait")
        for _ in range(7):
            work("emg")
            Recording.objects.filter(state=State.PENDING).update(next_attempt_at=Now())
        kept = Recording.objects.get()
        assert (kept.state, kept.analytics) == (State.DEAD, done.analytics)
        assert kept.processing_version == done.processing_version
        status = bucket.status(done.session_id)
        assert (status["status"], "not in the store" in status["reason"]) == ("completed", True)

    def test_it_selects(self, done: Recording) -> None:
        assert "1 recordings" in said("reanalyse", patient="p039", dry_run=True)
        assert "1 recordings" in said("reanalyse", str(done.pk), dry_run=True)
        assert "1 recordings" in said("reanalyse", since="2023-03-21", dry_run=True)
        assert "0 recordings" in said("reanalyse", since="2023-03-22", dry_run=True)
        assert "0 recordings" in said("reanalyse", owner="eve@example.org", dry_run=True)
        assert "0 recordings" in said("reanalyse", failed=True, dry_run=True)
        for wrong in ([], ["--since", "soon"]):
            with pytest.raises(CommandError):
                said("reanalyse", *wrong)

    def test_it_shows_how_far_it_is(self, done: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
        from emg.management.commands import reanalyse

        monkeypatch.setattr(reanalyse, "sleep", lambda _: work("emg"))
        shown = said("reanalyse", "--all")
        assert "analysed" in shown
        assert "1 recordings marked, 0 failed." in shown
