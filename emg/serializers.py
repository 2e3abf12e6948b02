import re
from typing import Any

from rest_framework import serializers

from emg.signals import LEAST_POINTS, LONGEST_S, MOST_POINTS, POINTS, Asked

NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")


class SecondsField(serializers.FloatField):
    """Neither infinite nor NaN nor whatever else Python takes for a number."""

    def to_internal_value(self, data: Any) -> float:
        if not NUMBER.fullmatch(str(data)):
            self.fail("invalid")
        return super().to_internal_value(data)


class CountField(serializers.IntegerField):
    def to_internal_value(self, data: Any) -> int:
        if not NUMBER.fullmatch(str(data)):
            self.fail("invalid")
        return super().to_internal_value(data)


class StretchSerializer(serializers.Serializer[Any]):
    start = SecondsField(
        min_value=0, max_value=LONGEST_S, default=0.0, help_text="s from the recording's beginning"
    )
    end = SecondsField(
        min_value=0, max_value=LONGEST_S, required=False, help_text="s; default: to its end"
    )
    points = CountField(
        min_value=LEAST_POINTS,
        max_value=MOST_POINTS,
        default=POINTS,
        help_text="most buckets to answer with: as many as the plot has pixels",
    )

    def asked(self, channel: str) -> Asked:
        given = self.validated_data
        return Asked(channel, given["start"], given.get("end"), given["points"])


class ContractionSerializer(serializers.Serializer[Any]):
    """Amplitudes are those of the 100 ms RMS envelope."""

    index = serializers.IntegerField(help_text="its place among the channel's contractions, from 0")
    start_s = serializers.FloatField()
    end_s = serializers.FloatField()
    duration_s = serializers.FloatField()
    mean = serializers.FloatField()
    peak = serializers.FloatField()
    mpf = serializers.FloatField(allow_null=True, help_text="Hz")
    mdf = serializers.FloatField(allow_null=True, help_text="Hz")
    mvc_percent = serializers.FloatField(allow_null=True)
    meets_mvc = serializers.BooleanField(allow_null=True, help_text="null without an MVC")
    meets_duration = serializers.BooleanField()
    good = serializers.BooleanField(help_text="everything that could be judged was reached")


class TimeSerializer(serializers.Serializer[Any]):
    start = serializers.FloatField(help_text="s, where the first bucket begins")
    step = serializers.FloatField(help_text="s from one bucket to the next")


class SignalSerializer(serializers.Serializer[Any]):
    session_id = serializers.CharField()
    channel = serializers.CharField()
    unit = serializers.CharField(help_text="of all amplitudes here")
    sampling_rate = serializers.FloatField(help_text="Hz")
    duration_s = serializers.FloatField(help_text="of the whole recording")
    start_s = serializers.FloatField()
    end_s = serializers.FloatField()
    bucket_s = serializers.FloatField(help_text="one sample, if there are not more than points")
    t = TimeSerializer()
    min = serializers.ListField(
        child=serializers.FloatField(allow_null=True),
        help_text="the smallest sample of each bucket; null: missing",
    )
    max = serializers.ListField(child=serializers.FloatField(allow_null=True))
    envelope = serializers.ListField(
        child=serializers.FloatField(allow_null=True),
        help_text="the highest of the RMS envelope; empty for a channel without EMG",
    )
    contractions = ContractionSerializer(many=True, help_text="those that reach into the stretch")
    mvc = serializers.FloatField(allow_null=True)
    mvc_source = serializers.ChoiceField(["given", "stored", "estimated", "none"])
    target = serializers.FloatField(allow_null=True, help_text="what a strong contraction reaches")
    threshold = serializers.FloatField(
        allow_null=True, help_text="the level at which a contraction was seen to begin"
    )
