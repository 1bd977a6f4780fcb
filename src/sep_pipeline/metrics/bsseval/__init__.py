"""BSS Eval v4."""

from sep_pipeline.metrics.bsseval.evaluation import ENGINES, MODES, bss_eval, fit_length
from sep_pipeline.metrics.bsseval.scores import FrameMetrics

__all__ = ["ENGINES", "MODES", "FrameMetrics", "bss_eval", "fit_length"]
