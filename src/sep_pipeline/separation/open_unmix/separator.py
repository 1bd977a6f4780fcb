"""Open-Unmix as a separator: a mask model per target, the multichannel Wiener filter, songs of any length."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from sep_pipeline.errors import ConfigurationError, StemMismatchError, TooShortError
from sep_pipeline.models.open_unmix import OpenUnmix
from sep_pipeline.separation.blocks import Audio, Progress, ReadSamples, array_reader, filled
from sep_pipeline.separation.em_wiener import EMStretch, EMWienerConfig, refine_stretch
from sep_pipeline.separation.inverse_spectrum import InverseSpectrum
from sep_pipeline.separation.open_unmix.folded import FoldedModels
from sep_pipeline.separation.open_unmix.magnitudes import SongMagnitudes, Steps, bounds, num_passes
from sep_pipeline.separation.open_unmix.song import Song

MODES = ("context", "published")
PRECISIONS = ("fp32", "bf16")

RESIDUAL = "residual"
"""Name of the stem that holds what the targets leave of the mixture."""

BLOCK_FRAMES = 300
"""Frames of all targets that are in memory at once, where the filter's settings do not say it."""

SEGMENT_FRAMES = 1800
"""Frames that the LSTM reads at once: 42 s."""

SPILL_BYTES = 256 * 2**20
"""What may be kept aside in memory; beyond, temporary files hold it."""


class OpenUnmixSeparator:
    """Masks from every target's model, refined together by the Wiener filter.

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
        _check(models, self.wiener, precision, residual_name)
        self.name = name
        self.stems = (*models, residual_name) if self.wiener.residual else tuple(models)
        self.sample_rate = sample_rate
        self._device = torch.device(device)
        self._models = FoldedModels(list(models.values()), self._device)
        self._config = self._models.config
        self.num_channels = self._config.num_channels
        self._is_mixed = precision == "bf16" and self._device.type == "cuda"
        self._segment_frames = segment_frames
        self._spill_bytes = spill_bytes

    def separate(self, mixture: Audio, *, mode: str = "context") -> Audio:
        """Estimate every stem.

        Args:
            mixture: float32, (channel, time), in [-1, 1], at the separator's sample rate, at least one sample.
            mode: "context" filters blocks of `block_frames` frames on their own; "published" takes the whole
                song as one block, as the evaluation of the study did.

        Returns:
            float32, (stem, channel, time), as long as the mixture.

        Raises:
            ConfigurationError: Unknown mode.
            StemMismatchError: The mixture has another number of channels.
            TooShortError: There are no samples.
            DataError: A sample is not finite.
        """
        if mixture.ndim != 2 or mixture.shape[0] != self.num_channels:
            raise StemMismatchError(
                "the mixture does not fit the separator",
                expected=f"({self.num_channels}, time)",
                found=mixture.shape,
            )
        blocks = self.separate_blocks(array_reader(mixture), mixture.shape[1], mode=mode)
        return filled(blocks, len(self.stems), mixture)

    def separate_blocks(
        self,
        read: ReadSamples,
        num_samples: int,
        *,
        mode: str = "context",
        progress: Progress | None = None,
    ) -> Iterator[Audio]:
        """Estimate every stem of a song that is not in memory.

        Args:
            read: Gives the samples from the first to before the second number, float32, (channel, time); it is
                asked for the same ones several times.
            num_samples: Length of the song.
            mode: As for `separate`.
            progress: Called with the share of the work that is done, up to 1.

        Yields:
            float32, (stem, channel, time): successive pieces that add up to `num_samples` samples.

        Raises:
            ConfigurationError: Unknown mode.
            StemMismatchError: The samples have another number of channels.
            TooShortError: There are no samples.
            DataError: A sample is not finite.
            StorageError: The temporary files do not find room.
        """
        if mode not in MODES:
            raise ConfigurationError("unknown mode", parameter="mode", expected=MODES, found=mode)
        if num_samples < 1:
            raise TooShortError("nothing to separate", expected="at least 1 sample", found=num_samples)
        song = Song(
            read,
            num_samples,
            num_channels=self.num_channels,
            config=self._config.spectrogram,
            device=self._device,
        )
        return self._blocks(song, is_whole=mode == "published", progress=progress)

    def _blocks(self, song: Song, *, is_whole: bool, progress: Progress | None) -> Iterator[Audio]:
        block_frames = None if is_whole else self.wiener.block_frames
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


def _check(
    models: Mapping[str, OpenUnmix], wiener: EMWienerConfig, precision: str, residual_name: str
) -> None:
    if precision not in PRECISIONS:
        raise ConfigurationError(
            "unknown precision", parameter="precision", expected=PRECISIONS, found=precision
        )
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
