import json
from typing import Any

import pytest
from django.test import Client

from omibackend.core.redis import soft_redis


@pytest.mark.django_db
def test_it_says_that_there_are_no_workers(client: Client) -> None:
    response = client.get("/health")
    found = response.json()
    assert response.status_code == 200
    assert (found["status"], found["database"], found["redis"]) == ("degraded", "ok", "ok")
    assert found["workers_alive"] == 0
    assert found["memory_bytes"] > 1_000_000


@pytest.mark.django_db
def test_it_is_degraded_without_redis(client: Client) -> None:
    soft_redis.breaker.trip()
    response = client.get("/health/")
    assert response.status_code == 200
    assert response.json()["redis"] == "down"


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/api/info", "/api/info/"])
def test_it_answers_anyone(client: Client, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 200
    assert response["X-Request-ID"]


@pytest.mark.django_db
def test_it_links_what_there_is(client: Client) -> None:
    links = client.get("/api/info").json()["links"]
    for link in links.values():
        assert client.get(link).status_code in (200, 302)


@pytest.mark.django_db
def test_it_serves_the_schema_and_its_page_offline(client: Client) -> None:
    page = client.get("/api/docs")
    assert page.status_code == 200
    assert b"https://" not in page.content
    schema = client.get("/api/schema", headers={"Accept": "application/vnd.oai.openapi+json"})
    paths = json.loads(schema.content)["paths"]
    assert {"/health", "/api/info", "/omi-webhook/queue-status"} <= {p.rstrip("/") for p in paths}


@pytest.mark.django_db
def test_it_gives_errors_one_shape(client: Client) -> None:
    response = client.get("/no/such/page")
    assert response.status_code == 404
    assert response.json()["errors"][0]["code"] == "not_found"


def test_it_lets_only_superusers_into_the_queues(client: Client, staff: Any) -> None:
    client.force_login(staff)
    assert client.get("/admin/django_rq/dashboard/").status_code == 200
    staff.is_superuser = False
    staff.save()
    assert client.get("/admin/django_rq/dashboard/").status_code == 403


def test_it_works_without_redis_for_staff_too(client: Client, staff: Any) -> None:
    client.force_login(staff)
    soft_redis.breaker.trip()
    assert client.get("/admin/").status_code == 200
