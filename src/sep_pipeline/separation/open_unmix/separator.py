"""Open-Unmix as a separator: a mask model per target, the multichannel Wiener filter, songs of any length."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from sep_pipeline.errors import ConfigurationError
from sep_pipeline.models.open_unmix import OpenUnmix
from sep_pipeline.separation.blocks import Audio, Progress, ReadSamples
from sep_pipeline.separation.em_wiener import EMStretch, EMWienerConfig, refine_stretch
from sep_pipeline.separation.interface import Separator
from sep_pipeline.separation.inverse_spectrum import InverseSpectrum
from sep_pipeline.separation.open_unmix.folded import FoldedModels
from sep_pipeline.separation.open_unmix.magnitudes import SongMagnitudes, Steps, bounds, num_passes
from sep_pipeline.separation.open_unmix.song import Song
from sep_pipeline.separation.precision import require_precision

RESIDUAL = "residual"
"""Name of the stem that holds what the targets leave of the mixture."""

BLOCK_FRAMES = 300
"""Frames of all targets that are in memory at once, where the filter's settings do not say it."""

SEGMENT_FRAMES = 1800
"""Frames that the LSTM reads at once: 42 s."""

SPILL_BYTES = 256 * 2**20
"""What may be kept aside in memory; beyond, temporary files hold it."""


class OpenUnmixSeparator(Separator):
    """Masks from every target's model, refined together by the Wiener filter.

    The mode "context" filters blocks of the settings' `block_frames` frames on their own; "published" takes the whole
    song as one block, as the evaluation of the study did.

    Memory does not grow with the song: the recurrent layers sweep it in segments, and what they give lies in
    temporary files once it is large (`tempfile.gettempdir()`; 4 bytes per frame and hidden unit of two tables per
    target and one more, hence 2.9 GB for an hour of four targets with 512 units).

    Args:
        name: Name shown in tables.
        models: Target name to its model, all of one configuration; copied and put into evaluation mode.
        sample_rate: In Hz.
        device: Where the models run.
        precision: "fp32", or "bf16" for mixed precision of the models on a CUDA device; processors compute in
            fp32 either way.
        wiener: Settings of the filter.
        residual_name: Name of the additional stem if the filter gives the residual.
        segment_frames: Frames that the LSTM reads at once.
        spill_bytes: What may be kept aside in memory.

    Raises:
        ConfigurationError: Precision, names or filter settings do not fit, or the models differ.
    """

    def __init__(
        self,
        *,
        name: str,
        models: Mapping[str, OpenUnmix],
        sample_rate: int,
        device: torch.device | str = "cpu",
        precision: str = "fp32",
        wiener: EMWienerConfig | None = None,
        residual_name: str = RESIDUAL,
        segment_frames: int = SEGMENT_FRAMES,
        spill_bytes: int = SPILL_BYTES,
    ) -> None:
        self.wiener = wiener or EMWienerConfig()
        _check(models, self.wiener, residual_name)
        self._device = torch.device(device)
        self._is_mixed = require_precision(precision) == "bf16" and self._device.type == "cuda"
        self._models = FoldedModels(list(models.values()), self._device)
        self._config = self._models.config
        super().__init__(
            name=name,
            stems=(*models, residual_name) if self.wiener.residual else tuple(models),
            sample_rate=sample_rate,
            num_channels=self._config.num_channels,
        )
        self._segment_frames = segment_frames
        self._spill_bytes = spill_bytes

    def _blocks(
        self, read: ReadSamples, num_samples: int, *, is_published: bool, progress: Progress | None
    ) -> Iterator[Audio]:
        song = Song(read, num_samples, config=self._config.spectrogram, device=self._device)
        block_frames = None if is_published else self.wiener.block_frames
        num_iterations = 0 if block_frames else self.wiener.num_iterations
        steps = Steps(progress, num_passes(self._models) + num_iterations + 1)
        magnitudes = self._magnitudes(song, steps)
        try:
            stretch = None if block_frames else self._fitted(song, magnitudes, steps)
            inverse = InverseSpectrum(self._config.spectrogram, song.num_samples)
            for start, stop in bounds(song.num_frames, block_frames or BLOCK_FRAMES):
                with torch.inference_mode():
                    refined = self._refined(*magnitudes.at(start, stop), stretch)
                    samples: Audio = inverse.push(refined).cpu().numpy()
                yield samples
                steps.advance((stop - start) / song.num_frames)
        finally:
            magnitudes.close()

    def _magnitudes(self, song: Song, steps: Steps) -> SongMagnitudes:
        return SongMagnitudes(
            self._models,
            song,
            block_frames=BLOCK_FRAMES,
            segment_frames=self._segment_frames,
            spill_bytes=self._spill_bytes,
            is_mixed=self._is_mixed,
            steps=steps,
        )

    def _fitted(self, song: Song, magnitudes: SongMagnitudes, steps: Steps) -> EMStretch:
        """The filter whose covariances are those of the whole song."""
        stretch = EMStretch(self.wiener, loudest=magnitudes.loudest)
        with torch.inference_mode():
            for _ in range(self.wiener.num_iterations):
                for start, stop in bounds(song.num_frames, BLOCK_FRAMES):
                    spectra, targets = magnitudes.at(start, stop)
                    stretch.add(targets, spectra)
                    steps.advance((stop - start) / song.num_frames)
                stretch.finish_iteration()
        return stretch

    def _refined(self, spectra: Tensor, targets: Tensor, stretch: EMStretch | None) -> Tensor:
        output = spectra.new_empty(len(self.stems), *spectra.shape)
        if stretch is None:
            refine_stretch(targets, spectra, self.wiener, output)
        else:
            stretch.apply(targets, spectra, output)
        return output


def _check(models: Mapping[str, OpenUnmix], wiener: EMWienerConfig, residual_name: str) -> None:
    if not models:
        raise ConfigurationError(
            "there is no target", parameter="models", expected="1 model or more", found=0
        )
    wiener.num_sources(len(models))
    if wiener.residual and residual_name in models:
        raise ConfigurationError(
            "the residual bears the name of a target",
            parameter="residual_name",
            expected="another name",
            found=residual_name,
        )
    configs = {target: model.config for target, model in models.items()}
    first = next(iter(configs.values()))
    for target, config in configs.items():
        if config != first:
            raise ConfigurationError(
                "the models of all targets must be alike",
                parameter=f"models.{target}",
                expected=first,
                found=config,
            )
