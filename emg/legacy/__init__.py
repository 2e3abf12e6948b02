"""Recordings out of an older system, which kept all samples in `analysis_results.emg_signals`."""
