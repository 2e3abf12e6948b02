from django.urls import re_path

from memories.api import action_items, many, views

PK = r"(?P<pk>[0-9a-fA-F-]{36})"

urlpatterns = [
    re_path(r"^memories/?$", views.MemoryList.as_view(), name="memories"),
    re_path(r"^memories/bulk/?$", many.MemoryBulk.as_view(), name="memories-bulk"),
    re_path(r"^memories/export/?$", many.MemoryExport.as_view(), name="memories-export"),
    re_path(rf"^memories/{PK}/?$", views.MemoryDetail.as_view(), name="memory"),
    re_path(rf"^memories/{PK}/history/?$", views.MemoryHistory.as_view(), name="memory-history"),
    re_path(rf"^memories/{PK}/revert/?$", views.MemoryRevert.as_view(), name="memory-revert"),
    re_path(rf"^memories/{PK}/merge/?$", views.MemoryMerge.as_view(), name="memory-merge"),
    re_path(r"^action-items/?$", action_items.ActionItemList.as_view(), name="action-items"),
    re_path(rf"^action-items/{PK}/?$", action_items.ActionItemDetail.as_view(), name="action-item"),
]
