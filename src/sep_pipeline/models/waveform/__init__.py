"""Networks from samples to samples: the study's baseline and WaveNet, and the Wave-U-Net."""

from __future__ import annotations

from sep_pipeline.models.waveform.config import (
    MODELS,
    PRESETS,
    ConvolutionConfig,
    WaveformConfig,
    WaveNetConfig,
    WaveUNetConfig,
    preset,
)
from sep_pipeline.models.waveform.convolution import ConvolutionNetwork
from sep_pipeline.models.waveform.network import WaveformNetwork, build_network, model_name
from sep_pipeline.models.waveform.shapes import middle
from sep_pipeline.models.waveform.wave_unet import WaveUNet
from sep_pipeline.models.waveform.wavenet import WaveNet

__all__ = [
    "MODELS",
    "PRESETS",
    "ConvolutionConfig",
    "ConvolutionNetwork",
    "WaveNet",
    "WaveNetConfig",
    "WaveUNet",
    "WaveUNetConfig",
    "WaveformConfig",
    "WaveformNetwork",
    "build_network",
    "middle",
    "model_name",
    "preset",
]
