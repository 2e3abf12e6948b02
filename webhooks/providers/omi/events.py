"""The names of Omi's events, as they stand on a delivery."""

REALTIME = "realtime_transcript"
MEMORY = "memory_created"
COMBINED = "combined"
DAY_SUMMARY = "day_summary"
AUDIO = "audio_bytes"
NOTHING_TO_DO = "nothing_to_do"
