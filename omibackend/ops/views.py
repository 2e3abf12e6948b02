from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from omibackend.core.api.examples import examples
from omibackend.core.api.requests import person_id
from omibackend.ops import health, stats


class HealthSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(["ok", "degraded", "down"])
    version = serializers.CharField()
    database = serializers.ChoiceField(["ok", "down"])
    redis = serializers.ChoiceField(["ok", "down"])
    workers_alive = serializers.IntegerField(allow_null=True)
    oldest_unprocessed_seconds = serializers.FloatField(allow_null=True)
    memory_bytes = serializers.IntegerField(help_text="of the web process that answered")
    uptime_seconds = serializers.FloatField()
    features = serializers.DictField(child=serializers.BooleanField())


class StatusSerializer(serializers.Serializer[Any]):
    status = serializers.CharField()


class InfoSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    version = serializers.CharField()
    features = serializers.DictField(child=serializers.BooleanField())
    links = serializers.DictField(child=serializers.URLField())


class CountsSerializer(serializers.Serializer[Any]):
    def get_fields(self) -> dict[str, Any]:
        return {
            stat.name: serializers.IntegerField(help_text=stat.help_text) for stat in stats.STATS
        }


class DaySerializer(serializers.Serializer[Any]):
    date = serializers.DateField()

    def get_fields(self) -> dict[str, Any]:
        counted = {stat.name: serializers.IntegerField() for stat in stats.DAILY}
        return {**super().get_fields(), **counted}


class StatsSerializer(serializers.Serializer[Any]):
    counts = CountsSerializer()
    counted_up_to = serializers.IntegerField(help_text="a count of this size means: or more")
    last_activity_at = serializers.DateTimeField(allow_null=True)
    time_zone = serializers.CharField(help_text="whose days they are: that of your preferences")
    days = DaySerializer(many=True, help_text="the last seven, the oldest first")


class PublicView(APIView):
    """For anyone: it says how the system is, nothing of whom it serves."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = ()


class HealthView(PublicView):
    @extend_schema(
        operation_id="health", responses={200: HealthSerializer, 503: HealthSerializer}, auth=[]
    )
    def get(self, request: Request) -> Response:
        """503 when no delivery can be accepted."""
        found = health.health()
        return Response(found, status=503 if found["status"] == "down" else 200)


class LiveView(PublicView):
    @extend_schema(operation_id="health_live", responses=StatusSerializer, auth=[])
    def get(self, request: Request) -> Response:
        """The process answers: an orchestrator restarts it when it does not."""
        return Response({"status": "ok"})


class ReadyView(PublicView):
    @extend_schema(
        operation_id="health_ready",
        responses={200: StatusSerializer, 503: StatusSerializer},
        auth=[],
    )
    def get(self, request: Request) -> Response:
        """Deliveries can be accepted: a balancer sends none while this says 503."""
        ready = health.database_answers()
        return Response({"status": "ok" if ready else "down"}, status=200 if ready else 503)


class InfoView(PublicView):
    @extend_schema(operation_id="info", responses=InfoSerializer, auth=[])
    def get(self, request: Request) -> Response:
        names = {
            "docs": "api-docs",
            "schema": "api-schema",
            "health": "health",
            "admin": "admin:index",
        }
        return Response(
            {
                "name": "omibackend",
                "version": settings.VERSION,
                "features": health.features(),
                "links": {key: reverse(name, request=request) for key, name in names.items()},
            }
        )


class StatsView(APIView):
    @extend_schema(
        operation_id="stats",
        tags=["stats"],
        responses=StatsSerializer,
        examples=examples("omibackend.ops")["stats"],
    )
    def get(self, request: Request) -> Response:
        """How much of yours is here, when something last happened, and the last seven days."""
        return Response(StatsSerializer(stats.of(person_id(request))).data)
