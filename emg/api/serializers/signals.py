from typing import Any

from rest_framework import serializers

from emg.api.serializers.analyses import SOURCES, ContractionSerializer
from emg.api.serializers.numbers import CountField, NumberField
from emg.waveform.queries import LEAST_POINTS, LONGEST_S, MOST_POINTS, POINTS, StretchQuery


class StretchSerializer(serializers.Serializer[Any]):
    start = NumberField(
        min_value=0, max_value=LONGEST_S, default=0.0, help_text="s from the recording's beginning"
    )
    end = NumberField(
        min_value=0, max_value=LONGEST_S, required=False, help_text="s; default: to its end"
    )
    points = CountField(
        min_value=LEAST_POINTS,
        max_value=MOST_POINTS,
        default=POINTS,
        help_text="most buckets to answer with: as many as the plot has pixels",
    )

    def asked(self, channel: str) -> StretchQuery:
        given = self.validated_data
        return StretchQuery(channel, given["start"], given.get("end"), given["points"])


class NumberedContractionSerializer(ContractionSerializer):
    index = serializers.IntegerField(help_text="its place among the channel's contractions, from 0")


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
    contractions = NumberedContractionSerializer(
        many=True, help_text="those that reach into the stretch"
    )
    mvc = serializers.FloatField(allow_null=True)
    mvc_source = serializers.ChoiceField(SOURCES)
    target = serializers.FloatField(allow_null=True, help_text="what a strong contraction reaches")
    threshold = serializers.FloatField(
        allow_null=True, help_text="the level at which a contraction was seen to begin"
    )
