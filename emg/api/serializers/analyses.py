"""What is kept of an analysis, as the API describes it."""

from typing import Any

from rest_framework import serializers

from emg.analytics import MvcSource

SOURCES = [source.value for source in MvcSource]


def number(words: str = "") -> serializers.FloatField:
    return serializers.FloatField(allow_null=True, help_text=words)


class ContractionSerializer(serializers.Serializer[Any]):
    """Amplitudes are those of the 100 ms RMS envelope."""

    start_s = serializers.FloatField()
    end_s = serializers.FloatField()
    duration_s = serializers.FloatField()
    mean = serializers.FloatField()
    peak = serializers.FloatField()
    mpf = number("Hz; null if too short or too weak")
    mdf = number("Hz")
    mvc_percent = number("the peak; null without an MVC")
    meets_mvc = serializers.BooleanField(allow_null=True, help_text="null without an MVC")
    meets_duration = serializers.BooleanField()
    good = serializers.BooleanField(help_text="everything that could be judged was reached")


class MvcSerializer(serializers.Serializer[Any]):
    value = number()
    unit = serializers.CharField()
    source = serializers.ChoiceField(SOURCES)  # type: ignore[assignment]


class SlopeSerializer(serializers.Serializer[Any]):
    per_minute = serializers.FloatField()
    percent_per_minute = number()
    intercept = serializers.FloatField()
    n = serializers.IntegerField()
    r2 = number()


class FatigueSerializer(serializers.Serializer[Any]):
    """Experimental: slopes of MDF and MPF (Hz), and of FInsm5 (% of its first value)."""

    basis = serializers.CharField()
    mdf = SlopeSerializer()
    mpf = SlopeSerializer()
    fi_nsm5 = SlopeSerializer()
    experimental = serializers.BooleanField()


class FlagSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    words = serializers.CharField()
    consequence = serializers.CharField()
    value = number()


class TrendSerializer(serializers.Serializer[Any]):
    start = serializers.FloatField()
    step = serializers.FloatField(help_text="s, or Hz for a spectrum")
    values = serializers.ListField(child=serializers.FloatField())


class AnalysisSerializer(serializers.Serializer[Any]):
    """Of one channel; what cannot be computed is null, and `quality` says why."""

    parameters_version = serializers.CharField()
    unit = serializers.CharField(help_text="of every amplitude here")
    rate_hz = serializers.FloatField()
    duration_s = serializers.FloatField()
    nan_fraction = serializers.FloatField()
    rms = number()
    mav = number()
    mpf = number("Hz, of the contractions")
    mdf = number("Hz, of the contractions")
    fi_nsm5 = number("Hz**-6")
    snr_db = number()
    detector = serializers.CharField()
    threshold = number("the level that a contraction had to reach")
    mvc = MvcSerializer()
    contractions = ContractionSerializer(many=True)
    fatigue = FatigueSerializer(allow_null=True)
    quality = FlagSerializer(many=True)
    envelope = TrendSerializer(allow_null=True)
    spectrum = TrendSerializer(allow_null=True)


class ComplianceSerializer(serializers.Serializer[Any]):
    """Rates from 0 to 1, and their score from 0 to 100."""

    count = serializers.IntegerField()
    good = serializers.IntegerField()
    completion = serializers.FloatField()
    intensity = number("null without an MVC")
    duration = serializers.FloatField()
    score = serializers.FloatField()
    missing = serializers.ListField(child=serializers.CharField())


class SidesSerializer(serializers.Serializer[Any]):
    left = serializers.CharField(allow_null=True)
    right = serializers.CharField(allow_null=True)


class ScoreSerializer(serializers.Serializer[Any]):
    """0 to 100; null means not scored, never zero. Not clinically validated."""

    profile = serializers.CharField()
    profile_version = serializers.CharField()
    parameters_version = serializers.CharField()
    sides = SidesSerializer()
    overall = number("null without both muscles")
    left = ComplianceSerializer(allow_null=True)
    right = ComplianceSerializer(allow_null=True)
    compliance = number()
    symmetry = number()
    effort = number()
    game = number()
    pressure_kept = serializers.BooleanField(allow_null=True)
    limb_symmetry_index = number()
    strength_symmetry = number()
    missing = serializers.ListField(
        child=serializers.CharField(), help_text="parts whose weight went to the others"
    )
