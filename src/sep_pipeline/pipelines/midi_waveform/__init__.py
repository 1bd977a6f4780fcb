"""Study 5: waveform networks trained on chunks that are rendered from MIDI files while training."""

from sep_pipeline.pipelines.midi_waveform.pipeline import create_pipeline

__all__ = ["create_pipeline"]
