"""The network of a configuration."""

from __future__ import annotations

from sep_pipeline.models.waveform.config import (
    MODELS,
    ConvolutionConfig,
    WaveformConfig,
    WaveNetConfig,
)
from sep_pipeline.models.waveform.convolution import ConvolutionNetwork
from sep_pipeline.models.waveform.wave_unet import WaveUNet
from sep_pipeline.models.waveform.wavenet import WaveNet

WaveformNetwork = ConvolutionNetwork | WaveNet | WaveUNet


def build_network(config: WaveformConfig, *, seed: int = 0) -> WaveformNetwork:
    """Make the network of a configuration, with initial weights from a seed."""
    if isinstance(config, ConvolutionConfig):
        return ConvolutionNetwork(config, seed=seed)
    if isinstance(config, WaveNetConfig):
        return WaveNet(config, seed=seed)
    return WaveUNet(config, seed=seed)


def model_name(config: WaveformConfig) -> str:
    """Name in `MODELS` of a configuration."""
    return next(name for name, kind in MODELS.items() if isinstance(config, kind))
