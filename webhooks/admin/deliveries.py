from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import action
from unfold.enums import ActionVariant

from omibackend.core.admin.lists import PageAdmin, ReadOnlyAdmin, back_to, is_among
from omibackend.core.admin.states import state_chip
from omibackend.core.show import human
from omibackend.core.templatetags.ob import cell, chip
from omibackend.core.work import lanes, leased
from omibackend.core.work.leased import State
from webhooks.admin import export, listing
from webhooks.admin.page import page
from webhooks.models import Delivery

REPLAYABLE = Q(body__isnull=False) & ~Q(state=State.IGNORED)
MOST_REPLAYED = 10_000
LISTED = (
    *("id", "event", "state", "attempts", "last_error", "received_at", "duplicates", "signature"),
    *("endpoint__name", "endpoint__provider"),
)


def replay_rows(rows: QuerySet[Delivery]) -> int:
    """Puts rows back to the start and wakes their lane: the admin is the edge."""
    replayed = leased.replay(rows.filter(REPLAYABLE))
    if replayed:
        lanes.wake("inbox")
    return replayed


@admin.register(Delivery)
class DeliveryAdmin(PageAdmin, ReadOnlyAdmin):
    list_display = ("what", "state_now", "received", "tries")
    list_filter = (
        listing.StateFilter,
        listing.WhenFilter,
        listing.ProviderFilter,
        listing.EndpointFilter,
        listing.EventFilter,
    )
    list_max_show_all = 50
    list_disable_select_all = True
    list_before_template = "admin/webhooks/delivery/above.html"
    show_facets = admin.ShowFacets.NEVER
    ordering = ("-id",)
    search_fields = ("id",)
    search_help_text = "Id of a delivery, the sender's own id, or a request id"
    actions = ("replay_selected",)
    actions_detail = ("replay",)
    change_form_template = "admin/webhooks/delivery/page.html"
    fields = ("event",)

    # --- the list ---------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[Delivery]:
        return Delivery.objects.select_related("endpoint")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        found = listing.above(request)
        replay = found["replay_link"] if self.has_replay_permission(request) else ""
        page = {"above": found, "replay_link": replay}
        return super().changelist_view(request, {**(extra_context or {}), "page": page})  # type: ignore[no-any-return]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Delivery], search_term: str
    ) -> tuple[QuerySet[Delivery], bool]:
        # Only the list comes by here, and its rows do without the heavy columns.
        rows = queryset.only(*LISTED)
        return (listing.search(rows, search_term.strip()) if search_term else rows), False

    @admin.display(description="Delivery")
    def what(self, row: Delivery) -> SafeString:
        return cell(row.event, row.endpoint.name)

    @admin.display(description="State")
    def state_now(self, row: Delivery) -> SafeString:
        return chip(*state_chip(row))

    @admin.display(description="Received", ordering="id")
    def received(self, row: Delivery) -> SafeString:
        return format_html(
            '<span class="ob-num">{}</span> <span class="ob-second">{}</span>',
            human.moment(row.received_at),
            human.ago(row.received_at),
        )

    @admin.display(description="Attempts")
    def tries(self, row: Delivery) -> str:
        more = f" · {human.several(row.duplicates, 'duplicate')}" if row.duplicates else ""
        return f"{row.attempts}{more}"

    # --- one delivery -----------------------------------------------------------

    def page_context(self, row: Delivery, request: HttpRequest) -> dict[str, Any]:
        origin = f"{request.scheme}://{request.get_host()}"
        return {"page": page(row, request.user, origin=origin)}

    def get_urls(self) -> list[URLPattern]:
        guard = self.admin_site.admin_view
        own = [
            path("replay/", guard(self.replay_matching), name="webhooks_delivery_replay_matching"),
            path("<uuid:pk>/raw/", guard(self.raw), name="webhooks_delivery_raw"),
            path("<uuid:pk>/payload/", guard(self.payload), name="webhooks_delivery_payload"),
        ]
        return [*own, *super().get_urls()]

    def raw(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        delivery = self._readable(request, pk)
        return _download(delivery.raw(), export.file_name(delivery))

    def payload(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        delivery = self._readable(request, pk)
        name = f"{delivery.event}__{str(delivery.pk)[-8:]}.json"
        return _download(export.payload(delivery), name)

    def _readable(self, request: HttpRequest, pk: UUID) -> Delivery:
        allowed = request.user.has_perm("webhooks.view_delivery_body")
        if not (allowed and self.has_view_permission(request)):
            raise PermissionDenied
        delivery = Delivery.objects.filter(pk=pk, body__isnull=False).first()
        if delivery is None:
            raise Http404
        return delivery

    # --- replay -----------------------------------------------------------------

    def has_replay_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return bool(request.user.has_perm("webhooks.replay_delivery"))

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        able = is_among(Delivery.objects.filter(REPLAYABLE), object_id)
        return super().get_actions_detail(request, object_id) if able else []

    @action(
        description="Replay",
        icon="replay",
        variant=ActionVariant.PRIMARY,
        permissions=["replay"],
        url_path="replay",
        dialog={
            "title": "Replay this delivery?",
            "description": "It is worked from the start, from the bytes stored here. What it made "
            "already is found again and brought up to date, not doubled.",
            "form_class": None,
            "form_submit_text": "Replay",
        },
    )
    def replay(self, request: HttpRequest, form: Any, object_id: str) -> HttpResponse:
        rows = Delivery.objects.filter(pk=object_id)
        self._replayed(request, rows)
        return back_to(request, reverse("admin:webhooks_delivery_change", args=[object_id]))

    @admin.action(description="Replay", permissions=["replay"])
    def replay_selected(self, request: HttpRequest, queryset: QuerySet[Delivery]) -> None:
        self._replayed(request, Delivery.objects.filter(pk__in=[row.pk for row in queryset]))

    def _replayed(self, request: HttpRequest, rows: QuerySet[Delivery]) -> None:
        replayed = replay_rows(rows)
        if not replayed:
            said = "Nothing was replayed: it is being worked right now, or its body is gone."
            self.message_user(request, said, messages.WARNING)
            return
        LogEntry.objects.log_actions(request.user.pk, rows, CHANGE, "Replayed.")  # type: ignore[arg-type]
        self._say(request, replayed)

    def _say(self, request: HttpRequest, replayed: int) -> None:
        said = f"{human.several(replayed, 'delivery', 'deliveries')} will be worked again."
        self.message_user(request, said, messages.SUCCESS)

    def replay_matching(self, request: HttpRequest) -> HttpResponse:
        """All that the list's filter matches: first how many, then after a POST the deed."""
        if not (self.has_replay_permission(request) and self.has_view_permission(request)):
            raise PermissionDenied
        listed = f"{reverse('admin:webhooks_delivery_changelist')}?{request.GET.urlencode()}"
        rows = self.get_changelist_instance(request).get_queryset(request).filter(REPLAYABLE)
        ids = list(rows.order_by("-id").values_list("pk", flat=True)[: MOST_REPLAYED + 1])
        if request.method == "POST":
            rows = Delivery.objects.filter(pk__in=ids[:MOST_REPLAYED])
            self._say(request, replay_rows(rows))
            return redirect(listed)
        found = {"count": min(len(ids), MOST_REPLAYED), "more": len(ids) > MOST_REPLAYED}
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Replay all that match",
            "page": {**found, "listed": listed},
        }
        return TemplateResponse(request, "admin/webhooks/delivery/replay.html", context)

    # --- read-only --------------------------------------------------------------

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


def _download(content: bytes, name: str) -> HttpResponse:
    """Never a type that a browser would run: the content is the sender's."""
    return HttpResponse(
        content,
        content_type="application/octet-stream",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
