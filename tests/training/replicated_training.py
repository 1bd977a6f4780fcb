"""Trains the same model in one process and in two; run as a program, since processes are forked.

Usage: replicated_training.py FOLDER
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import torch
import torch._dynamo  # Optimisers import it when first made: once here instead of in every child.
from torch import Tensor, distributed, nn

from sep_pipeline.errors import NonFiniteLossError
from sep_pipeline.models.vqvae import VQVAE, VQVAEConfig
from sep_pipeline.training.config import TrainingConfig
from sep_pipeline.training.loop import train

CONFIG = TrainingConfig(
    num_steps=8,
    batch_size=4,
    learning_rate=1e-2,
    warmup_steps=2,
    ema_decay=0.9,
    evaluate_every_steps=2,
    schedule="plateau",
    plateau_patience=0,
    log_every_steps=1,
    checkpoint_every_steps=3,
    snapshot_steps=(0, 4),
)
VQVAE_CONFIG = VQVAEConfig(num_stages=2, width=6, num_blocks=2, embedding_width=4, num_codes=8)


class ReconstructionTask:
    """A VQ-VAE, whose codebook must be moved by the chunks of all processes.

    Args:
        seed: Seed of the initial weights, which differs between processes to see that the first one's count.
        poisoned: Step from which batches are not finite in the last item.
    """

    def __init__(self, seed: int, poisoned: int | None = None) -> None:
        self.module: nn.Module = VQVAE(VQVAE_CONFIG, seed=seed)
        self._network = self.module
        codes = torch.randn(8, 4, generator=torch.Generator().manual_seed(2))
        self._network.codebook.codes.copy_(codes)
        self._network.codebook.reset_statistics(512)
        self._poisoned = poisoned

    def batch(self, step: int) -> dict[str, list[Tensor]]:
        audio = torch.randn(4, 1, 64, generator=torch.Generator().manual_seed(step))
        if step == self._poisoned:
            audio[3] = torch.nan
        return {"audio": [audio]}

    def losses(self, batch: dict[str, list[Tensor]], generator: torch.Generator) -> Mapping[str, Tensor]:
        (audio,) = batch["audio"]
        output = self._network.reconstruct(audio, update=True, generator=generator)
        error = (output.audio - audio).square().mean()
        return {"loss": error + output.quantised.commitment, "error": error}

    def evaluate(self) -> Mapping[str, float]:
        """Called in the first process only, whose result must reach the schedules of all."""
        audio = torch.randn(4, 1, 64, generator=torch.Generator().manual_seed(77))
        return {"loss": (self._network(audio) - audio).square().mean().item()}


def train_once(folder: Path, rank: int) -> None:
    """Train and leave the result in a file per process."""
    result = train(ReconstructionTask(rank), CONFIG, workspace=folder, identity="toy", seed=1)
    curves = {name: list(column) for name, column in result.curves.items()}
    snapshots = {str(step): weights for step, weights in result.snapshots.items()}
    torch.save(
        {"weights": result.weights, "snapshots": snapshots, "curves": curves}, folder / f"result_{rank}.pt"
    )


def stop_on_bad_loss(folder: Path) -> None:
    """All processes must stop, not only the one with the bad item."""
    try:
        train(ReconstructionTask(0, poisoned=5), CONFIG, workspace=folder, identity="toy", seed=1)
    except NonFiniteLossError:
        return
    raise AssertionError("training went on")


def in_two_processes(folder: Path) -> None:
    """Fork two processes that train together, first into a bad loss, then on from the checkpoint."""
    children = []
    for rank in range(2):
        child = os.fork()
        if not child:
            distributed.init_process_group(
                "gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2
            )
            stop_on_bad_loss(folder)
            distributed.barrier()
            train_once(folder, rank)
            distributed.destroy_process_group()
            os._exit(0)
        children.append(child)
    for child in children:
        assert os.waitpid(child, 0)[1] == 0


def main() -> None:
    """Compare."""
    one, two = FOLDER / "one", FOLDER / "two"
    two.mkdir(parents=True)
    in_two_processes(two)
    one.mkdir()
    train_once(one, 0)
    alone = torch.load(one / "result_0.pt", weights_only=True)
    first, second = (torch.load(two / f"result_{rank}.pt", weights_only=True) for rank in range(2))
    assert second["curves"] == first["curves"]
    for part in ("weights", "snapshots"):
        torch.testing.assert_close(second[part], first[part], rtol=0, atol=0)
    assert first["curves"]["name"] == alone["curves"]["name"]
    values = [torch.tensor(result["curves"]["value"]) for result in (first, alone)]
    torch.testing.assert_close(*values, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(first["weights"], alone["weights"], rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(first["snapshots"], alone["snapshots"], rtol=1e-4, atol=1e-5)


if __name__ == "__main__":
    FOLDER = Path(sys.argv[1])
    torch.set_num_threads(1)
    main()
