from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import NotFound

from emg.analytics.scoring.score_profile import HIGHEST_RPE
from emg.api.serializers.analyses import AnalysisSerializer, ScoreSerializer, SidesSerializer
from emg.api.serializers.numbers import CountField, NumberField
from emg.models import Recording, ScoringProfile, Status
from emg.recordings import scoring
from omibackend.core.api.serializers import Strict

EVERY = "*"
MOST = 1_000_000
LEAST = 1e-12
MOST_ID = 2**63 - 1
MOST_NAME_CHARS = 255


class RecordingMetadataSerializer(serializers.Serializer[Any]):
    channel_names = serializers.ListField(child=serializers.CharField())
    channel_count = serializers.IntegerField()
    sampling_rate = serializers.FloatField(help_text="Hz, of each channel")
    duration_seconds = serializers.FloatField()
    file_size_bytes = serializers.IntegerField()
    file_hash = serializers.CharField(allow_null=True, help_text="SHA-256; null until known")
    points_rate = serializers.FloatField(help_text="Hz, of the frames; 0 without any")


class SessionSerializer(serializers.Serializer[Recording]):
    id = serializers.UUIDField()
    session_id = serializers.CharField()
    session_code = serializers.CharField(help_text="from the path, such as P039S003; or empty")
    patient = serializers.CharField(source="patient_code", help_text="such as P039; or empty")
    status = serializers.ChoiceField(Status.choices)
    reason = serializers.CharField(help_text="in words; empty when all is well")
    progress_percent = serializers.IntegerField()
    metadata = RecordingMetadataSerializer(allow_null=True)
    score = serializers.SerializerMethodField(help_text="overall, 0 to 100; null: not scored")
    recorded_at = serializers.DateTimeField()
    created_at = serializers.DateTimeField()
    analysed_at = serializers.DateTimeField(allow_null=True)

    def get_score(self, row: Recording) -> float | None:
        return (row.scores or {}).get("overall")


class TargetSerializer(Strict):
    mvc = NumberField(
        min_value=LEAST, max_value=MOST, required=False, help_text="in the channel's unit"
    )
    contractions = CountField(min_value=1, max_value=1000, required=False)
    mvc_percent = NumberField(min_value=1, max_value=1000, required=False)
    duration_s = NumberField(min_value=0.001, max_value=3600, required=False)


class ProfileSerializer(serializers.Serializer[ScoringProfile]):
    id = serializers.IntegerField()
    name = serializers.CharField()


class SessionDetailSerializer(SessionSerializer):
    bucket = serializers.CharField()
    object_path = serializers.CharField()
    rpe = serializers.FloatField(allow_null=True, help_text="Borg CR-10")
    bfr_pressure_percent = serializers.FloatField(allow_null=True, help_text="% AOP")
    game_points = serializers.FloatField(allow_null=True)
    game_max_points = serializers.FloatField(allow_null=True)
    targets = serializers.DictField(child=TargetSerializer(), help_text="by channel, “*”: every")
    sides = serializers.SerializerMethodField()
    profile = ProfileSerializer(allow_null=True, help_text="null: the default one")
    processing_version = serializers.CharField(help_text="of the analysis' parameters")
    analytics = serializers.SerializerMethodField(help_text="by channel; null: not analysed yet")
    scores = ScoreSerializer(allow_null=True)

    @extend_schema_field(SidesSerializer)
    def get_sides(self, row: Recording) -> Any:
        return scoring.sides(row)

    @extend_schema_field(serializers.DictField(child=AnalysisSerializer(), allow_null=True))
    def get_analytics(self, row: Recording) -> Any:
        """As measured, and judged by the targets of now."""
        if row.analytics is None:
            return None
        judged = scoring.judged(row)
        return {
            channel: {**found, "contractions": [asdict(each) for each in judged[channel]]}
            for channel, found in row.analytics.items()
        }


class GivenSidesSerializer(Strict):
    left = serializers.CharField(max_length=MOST_NAME_CHARS, required=False, trim_whitespace=False)
    right = serializers.CharField(max_length=MOST_NAME_CHARS, required=False, trim_whitespace=False)


class RescoreSerializer(Strict):
    """What is left out stays as it is; null takes it away."""

    rpe = NumberField(
        min_value=0, max_value=HIGHEST_RPE, allow_null=True, required=False, help_text="Borg CR-10"
    )
    bfr_pressure_percent = NumberField(
        min_value=0, max_value=1000, allow_null=True, required=False, help_text="% AOP"
    )
    game_points = NumberField(min_value=0, max_value=MOST, allow_null=True, required=False)
    game_max_points = NumberField(min_value=1, max_value=MOST, allow_null=True, required=False)
    targets = serializers.DictField(
        child=TargetSerializer(), required=False, help_text="by channel, “*”: every; all of them"
    )
    sides = GivenSidesSerializer(
        required=False, help_text="channels by side; what is missing is found by their names"
    )
    profile = CountField(
        min_value=1, max_value=MOST_ID, allow_null=True, required=False, help_text="its id"
    )

    def validate_targets(self, targets: dict[str, Any]) -> dict[str, Any]:
        self._check_channels(set(targets) - {EVERY})
        return {channel: dict(target) for channel, target in targets.items()}

    def validate_sides(self, sides: dict[str, str]) -> dict[str, str]:
        if len(set(sides.values())) < len(sides):
            raise serializers.ValidationError("One channel is one side.")
        self._check_channels(sides.values())
        return dict(sides)

    def validate_profile(self, pk: int | None) -> ScoringProfile | None:
        if pk is None:
            return None
        found = ScoringProfile.objects.filter(pk=pk).first()
        if found is None:
            raise NotFound("There is no such profile.")
        return found

    def _check_channels(self, names: Iterable[str]) -> None:
        """Without repeating what was sent, which may hold anything."""
        row: Recording = self.context["recording"]
        known = row.analytics or (row.metadata or {}).get("channel_names", ())
        if not set(names) <= set(known):
            raise NotFound("The recording has no channel of that name.")
