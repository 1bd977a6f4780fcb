"""Encoder, decoder and the VQ-VAE that joins them (Jukebox, arXiv:2005.00341, section 3)."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from sep_pipeline.errors import TooShortError
from sep_pipeline.models.vqvae.codebook import Codebook, Quantised
from sep_pipeline.models.vqvae.config import RESAMPLE_KERNEL, RESAMPLE_PADDING, STRIDE, VQVAEConfig
from sep_pipeline.models.vqvae.convolution import (
    Convolution,
    ResidualBlock,
    from_layout,
    to_layout,
    upsample_to_mono,
)
from sep_pipeline.models.vqvae.precision import precision_named


class Encoder(nn.Module):
    """Audio to latents, one vector per `config.hop_samples` samples.

    Each stage is a strided convolution followed by residual blocks of growing dilation; nothing is
    normalised.

    Args:
        config: Shape of the network.
        seed: Seed or generator of the initial weights.
    """

    def __init__(self, config: VQVAEConfig, *, seed: int | torch.Generator = 0) -> None:
        super().__init__()
        self.config = config
        self.stages = nn.ModuleList(
            nn.Sequential(
                _resampler(1 if stage == 0 else config.width, config.width),
                *(ResidualBlock(config.width, dilation) for dilation in config.dilations),
            )
            for stage in range(config.num_stages)
        )
        self.projection = Convolution(config.width, config.embedding_width, kernel_size=3, padding=1)
        self.precision = "fp32"
        _initialise(self, seed)

    def set_precision(self, precision: str) -> None:
        """Choose how convolutions run: "fp32" plainly, "bf16" fast; parameters stay float32.

        Raises:
            ConfigurationError: The name is unknown.
        """
        precision_named(precision)
        self.precision = precision

    def forward(self, audio: Tensor) -> Tensor:
        """Encode.

        Args:
            audio: float32, (batch, 1, time), in [-1, 1].

        Returns:
            float32, (batch, embedding, time // hop_samples).

        Raises:
            TooShortError: There are fewer samples than one hop.
        """
        if audio.shape[-1] < self.config.hop_samples:
            raise TooShortError(
                "audio is shorter than one code", expected=self.config.hop_samples, found=audio.shape[-1]
            )
        signal = to_layout(audio, precision_named(self.precision))
        for stage in self.stages:
            signal = stage(signal)
        return from_layout(self.projection(signal))


class Decoder(nn.Module):
    """Latents to audio; the mirror image of the encoder, with the dilations in reverse order.

    Args:
        config: Shape of the network.
        seed: Seed or generator of the initial weights.
    """

    def __init__(self, config: VQVAEConfig, *, seed: int | torch.Generator = 0) -> None:
        super().__init__()
        self.config = config
        self.projection = Convolution(config.embedding_width, config.width, kernel_size=3, padding=1)
        self.stages = nn.ModuleList(
            nn.Sequential(
                *(ResidualBlock(config.width, dilation) for dilation in reversed(config.dilations)),
                _resampler(config.width, config.width, is_transposed=True),
            )
            for _ in range(config.num_stages)
        )
        self.output = Convolution(config.width, 1, kernel_size=3, padding=1)
        self.precision = "fp32"
        _initialise(self, seed)

    def set_precision(self, precision: str) -> None:
        """Choose how convolutions run, see `Encoder.set_precision`."""
        precision_named(precision)
        self.precision = precision

    def forward(self, latents: Tensor) -> Tensor:
        """Map float32 (batch, embedding, frames) to float32 (batch, 1, hop_samples * frames), not clipped."""
        precision = precision_named(self.precision)
        signal = self.projection(to_layout(latents, precision))
        *layers, upsampler = itertools.chain.from_iterable(stage.children() for stage in self.stages)
        assert isinstance(upsampler, Convolution)
        for layer in layers:
            signal = layer(signal)
        if precision.is_channels_last:
            return upsample_to_mono(signal, upsampler, self.output)
        return from_layout(self.output(upsampler(signal)))


@dataclass(frozen=True)
class Reconstruction:
    """Audio that went through the codebook, with what quantisation left behind.

    Args:
        audio: float32, (batch, 1, time), as long as the input.
        latents: float32, (batch, embedding, frames), encoder output before quantisation.
        quantised: Codes, commitment and metrics.
    """

    audio: Tensor
    latents: Tensor
    quantised: Quantised


class VQVAE(nn.Module):
    """Mono audio to codes and back.

    Args:
        config: Shape of the network.
        seed: Seed or generator of the initial weights; the codebook begins at zero, uninitialised.
    """

    def __init__(self, config: VQVAEConfig, *, seed: int | torch.Generator = 0) -> None:
        super().__init__()
        generator = _as_generator(seed)
        self.config = config
        self.encoder = Encoder(config, seed=generator)
        self.decoder = Decoder(config, seed=generator)
        self.codebook = Codebook(
            num_codes=config.num_codes,
            width=config.embedding_width,
            momentum=config.codebook_momentum,
            dead_code_threshold=config.dead_code_threshold,
            mode=config.codebook_mode,
        )

    def set_precision(self, precision: str) -> None:
        """Choose how convolutions run; the code search is float32 always. See `Encoder.set_precision`."""
        self.encoder.set_precision(precision)
        self.decoder.set_precision(precision)

    def encode(self, audio: Tensor) -> Tensor:
        """Latents before quantisation: (batch, 1, time) to (batch, embedding, time // hop_samples)."""
        latents: Tensor = self.encoder(audio)
        return latents

    def quantise(
        self,
        latents: Tensor,
        *,
        generator: torch.Generator | None = None,
        update: bool = False,
        is_straight_through: bool | None = None,
    ) -> Quantised:
        """Replace latents by their nearest codes, see `Codebook.forward`."""
        quantised: Quantised = self.codebook(
            latents, generator=generator, update=update, is_straight_through=is_straight_through
        )
        return quantised

    def decode(self, latents: Tensor) -> Tensor:
        """Audio of latents: (batch, embedding, frames) to (batch, 1, hop_samples * frames)."""
        audio: Tensor = self.decoder(latents)
        return audio

    def reconstruct(
        self, audio: Tensor, *, generator: torch.Generator | None = None, update: bool = False
    ) -> Reconstruction:
        """Encode, quantise and decode.

        Args:
            audio: float32, (batch, 1, time), in [-1, 1].
            generator: Source of random rows for codebook restarts.
            update: Whether this step updates the codebook.

        Returns:
            The reconstruction, padded at its end with zeros to the length of `audio`.
        """
        latents = self.encode(audio)
        quantised = self.quantise(latents, generator=generator, update=update)
        decoded = self.decode(quantised.latents)
        padded = functional.pad(decoded, (0, audio.shape[-1] - decoded.shape[-1]))
        return Reconstruction(padded, latents, quantised)

    def forward(self, audio: Tensor) -> Tensor:
        """Reconstruction of (batch, 1, time) audio, of the same shape, without touching the codebook."""
        return self.reconstruct(audio).audio


def _resampler(in_channels: int, out_channels: int, *, is_transposed: bool = False) -> Convolution:
    return Convolution(
        in_channels,
        out_channels,
        kernel_size=RESAMPLE_KERNEL,
        stride=STRIDE,
        padding=RESAMPLE_PADDING,
        is_transposed=is_transposed,
    )


def _as_generator(seed: int | torch.Generator) -> torch.Generator:
    return seed if isinstance(seed, torch.Generator) else torch.Generator().manual_seed(seed)


def _initialise(module: nn.Module, seed: int | torch.Generator) -> None:
    generator = _as_generator(seed)
    for part in module.modules():
        if isinstance(part, Convolution):
            part.initialise(generator)
