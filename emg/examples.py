"""What the API's documentation shows of each route."""

from typing import Any

from drf_spectacular.utils import OpenApiExample

CONTRACTION = {
    "index": 0,
    "start_s": 1.012,
    "end_s": 3.204,
    "duration_s": 2.192,
    "mean": 8.41e-05,
    "peak": 1.12e-04,
    "mpf": 84.5,
    "mdf": 77.3,
    "mvc_percent": 91.2,
    "meets_mvc": True,
    "meets_duration": True,
    "good": True,
}


def answered(name: str, value: Any, status: int = 200) -> OpenApiExample:
    return OpenApiExample(name, value, response_only=True, status_codes=[str(status)])


SIGNAL = answered(
    "Three buckets of a second",
    {
        "session_id": "P039S003-1f3a9c02",
        "channel": "CH1 Raw",
        "unit": "V",
        "sampling_rate": 990.0,
        "duration_s": 67.3,
        "start_s": 0.0,
        "end_s": 3.0,
        "bucket_s": 1.0,
        "t": {"start": 0.0, "step": 1.0},
        "min": [-3.1e-06, -2.93e-04, -3.04e-04],
        "max": [2.8e-06, 2.881e-04, 3.117e-04],
        "envelope": [1.4e-06, 1.09e-04, 1.12e-04],
        "contractions": [CONTRACTION],
        "mvc": 1.23e-04,
        "mvc_source": "estimated",
        "target": 9.225e-05,
        "threshold": 4.1e-06,
    },
)
