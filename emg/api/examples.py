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
METADATA = {
    "channel_names": ["CH1 Raw", "CH2 Raw", "CH1 activated", "CH2 activated"],
    "channel_count": 4,
    "sampling_rate": 990.0,
    "duration_seconds": 67.3,
    "file_size_bytes": 1229632,
    "file_hash": "7d865e959b2466918c9863afca942d0fb89d7c9ac0c99bafc3749504ded97730",
    "points_rate": 33.0,
}
COMPLIANCE = {
    "count": 12,
    "good": 9,
    "completion": 1.0,
    "intensity": 0.75,
    "duration": 0.8333,
    "score": 86.1111,
    "missing": [],
}
ROW = {
    "id": "0193a5e2-7c1b-7e52-9d2a-6a3f7c7a1b11",
    "session_id": "P039S003-1f3a9c02",
    "session_code": "P039S003",
    "patient": "P039",
    "status": "completed",
    "reason": "",
    "progress_percent": 100,
    "metadata": METADATA,
    "score": 93.2708,
    "recorded_at": "2023-03-21T17:23:09Z",
    "created_at": "2026-11-20T14:12:58Z",
    "analysed_at": "2026-11-20T14:13:02Z",
}
MVC = {"value": 1.23e-04, "unit": "V", "source": "estimated"}
ANALYSIS = {
    "parameters_version": "1",
    "unit": "V",
    "rate_hz": 990.0,
    "duration_s": 67.3,
    "nan_fraction": 0.0,
    "rms": 8.33e-05,
    "mav": 3.55e-05,
    "mpf": 84.5,
    "mdf": 77.3,
    "fi_nsm5": 4.7e-14,
    "snr_db": 24.1,
    "detector": "adaptive",
    "threshold": 4.1e-06,
    "mvc": MVC,
    "contractions": [{name: value for name, value in CONTRACTION.items() if name != "index"}],
    "fatigue": None,
    "quality": [
        {
            "code": "mvc_estimated",
            "words": "MVC estimated from this recording",
            "consequence": "Shares of MVC are relative.",
            "value": 1.23e-04,
        }
    ],
    "envelope": None,
    "spectrum": None,
}
SCORES = {
    "profile": "GHOSTLY+ defaults",
    "profile_version": "1+6f2c9a01",
    "parameters_version": "1",
    "sides": {"left": "CH1 Raw", "right": "CH2 Raw"},
    "overall": 93.2708,
    "left": COMPLIANCE,
    "right": COMPLIANCE,
    "compliance": 86.1111,
    "symmetry": 100.0,
    "effort": 100.0,
    "game": None,
    "pressure_kept": True,
    "limb_symmetry_index": 100.0,
    "strength_symmetry": 94.2,
    "missing": [],
}
INPUTS = {
    "rpe": 6.0,
    "bfr_pressure_percent": 50.0,
    "game_points": None,
    "game_max_points": None,
    "targets": {"*": {"contractions": 12}, "CH1 Raw": {"mvc": 1.5e-04}},
    "sides": {"left": "CH1 Raw", "right": "CH2 Raw"},
}
DETAIL = {
    **ROW,
    **INPUTS,
    "bucket": "c3d-examples",
    "object_path": "P039/P039S003/Ghostly_Emg_20230321_17-23-09-0409.c3d",
    "profile": None,
    "processing_version": "1",
    "analytics": {"CH1 Raw": ANALYSIS},
    "scores": SCORES,
}
SESSIONS = answered("The latest first", ROW)
SESSION = answered("An analysed session", DETAIL)
RESCORE = OpenApiExample("Other targets", INPUTS, request_only=True)
REPORT = OpenApiExample(
    "The beginning of a CSV",
    "Session\r\nSession,P039S003-1f3a9c02\r\n",
    response_only=True,
    media_type="text/csv",
)
