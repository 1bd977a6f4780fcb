"""The separator of the transfer study: one VQ-VAE per stem, each with the encoder of the mixture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from sep_pipeline.errors import CheckpointMismatchError
from sep_pipeline.models.config_values import config_of_values
from sep_pipeline.models.vqvae import VQVAE, VQVAEConfig
from sep_pipeline.models.weights import load_into
from sep_pipeline.separation.blocks import Audio, Progress, ReadSamples, ReadSignal, tensor_reader, told
from sep_pipeline.separation.card import SeparatorCard
from sep_pipeline.separation.chunked import bare_blocks, context_blocks
from sep_pipeline.separation.from_card import config_of_card
from sep_pipeline.separation.interface import Separator

PUBLISHED_CHUNK_SAMPLES = 393_216
"""Chunk of the study, 8.92 s at 44.1 kHz; the card's metadata may name another `chunk_samples`."""

SMALLEST_CONTEXT_CHUNK_SAMPLES = 131_072
"""About the fastest chunk of the compact model on a processor: longer activations leave the caches."""

CHUNK_PER_CONTEXT = 8
"""Chunk length per length of context where the context is long: a quarter more is computed than without."""


class VqvaeSeparator(Separator):
    """Mixture encoder, codebook and stem decoder for every stem; chunk after chunk.

    The mode "context" gives what one pass over the whole song gives; "published" works on bare chunks, as the study
    did.

    Args:
        name: Name shown in tables.
        models: Stem name to its model, whose encoder reads the mixture.
        sample_rate: In Hz.
        device: Where the models run.
        precision: A name in `models.vqvae.PRECISIONS`, "fp32" or "bf16".
        published_chunk_samples: Chunk length of the mode "published".
        context_chunk_samples: Chunk length of the mode "context", rounded up to whole codes, which bounds the
            memory; None chooses it by the context of the model.
    """

    def __init__(
        self,
        *,
        name: str,
        models: Mapping[str, VQVAE],
        sample_rate: int,
        device: torch.device | str = "cpu",
        precision: str = "fp32",
        published_chunk_samples: int = PUBLISHED_CHUNK_SAMPLES,
        context_chunk_samples: int | None = None,
    ) -> None:
        super().__init__(name=name, stems=tuple(models), sample_rate=sample_rate, num_channels=1)
        self._device = torch.device(device)
        self._models = dict(models)
        self._published_chunk_samples = published_chunk_samples
        self._context_chunk_samples = context_chunk_samples
        for model in self._models.values():
            model.set_precision(precision)
            model.to(self._device).eval().requires_grad_(False)

    def _blocks(
        self, read: ReadSamples, num_samples: int, *, is_published: bool, progress: Progress | None
    ) -> Iterator[Audio]:
        signal = tensor_reader(read)
        runs = [self._run(model, signal, num_samples, is_published) for model in self._models.values()]
        stacked = (torch.stack(stems).numpy() for stems in zip(*runs, strict=True))
        return told(stacked, num_samples, progress)

    def _run(self, model: VQVAE, read: ReadSignal, num_samples: int, is_published: bool) -> Iterator[Tensor]:
        """One stem in pieces, (1, time), on the CPU; only the present chunk is on the device."""

        @torch.inference_mode()
        def on_device(chunk: Tensor) -> Tensor:
            restored: Tensor = model(chunk[None].to(self._device))
            return restored[0].cpu()

        hop, context = model.config.hop_samples, model.config.context_samples
        if is_published:
            chunk = _rounded_up(self._published_chunk_samples, hop)
            return bare_blocks(on_device, read, num_samples, chunk_samples=chunk, hop_samples=hop)
        chunk = self._context_chunk_samples or max(
            SMALLEST_CONTEXT_CHUNK_SAMPLES, CHUNK_PER_CONTEXT * context
        )
        return context_blocks(
            on_device,
            read,
            num_samples,
            chunk_samples=_rounded_up(chunk, hop),
            context_samples=context,
            hop_samples=hop,
        )


def build_vqvae_separator(
    card: SeparatorCard, states: Mapping[str, Mapping[str, Tensor]], *, device: str, precision: str
) -> VqvaeSeparator:
    """Make the separator of a card and its weights.

    Args:
        card: The card; its config is that of `VQVAEConfig`, the same for all stems.
        states: Stem name to the state dict of its model.
        device: Where the models run.
        precision: "fp32" or "bf16".

    Raises:
        CheckpointMismatchError: The configuration or the weights do not fit.
    """
    if card.channels != 1:
        raise CheckpointMismatchError(
            "the model class is mono", parameter="channels", expected=1, found=card.channels
        )
    with config_of_card():
        config = config_of_values(VQVAEConfig, card.config)
    models = {}
    for stem in card.stems:
        models[stem] = VQVAE(config)
        load_into(models[stem], states[stem], file=card.weights[stem])
    return VqvaeSeparator(
        name=card.name,
        models=models,
        sample_rate=card.sample_rate,
        device=device,
        precision=precision,
        published_chunk_samples=int(card.metadata.get("chunk_samples", PUBLISHED_CHUNK_SAMPLES)),
    )


def _rounded_up(num_samples: int, hop_samples: int) -> int:
    return -(-num_samples // hop_samples) * hop_samples
