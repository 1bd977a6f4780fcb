"""Two training processes keep the codebook of one process on the whole batch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch.testing import assert_close

from sep_pipeline.models.vqvae import Codebook

PROGRAM = """
import sys
import torch
from torch import distributed
from safetensors.torch import load_file, save_file
from sep_pipeline.models.vqvae import Codebook

folder, rank = sys.argv[1], int(sys.argv[2])
torch.set_num_threads(1)
distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
book = Codebook(num_codes=32, width=4).train()
batches = load_file(f"{folder}/latents.safetensors")["latents"]
for step, latents in enumerate(batches):
    result = book(
        latents[rank : rank + 1],
        update=True,
        initial_rows=torch.arange(32),
        restart_rows=torch.arange(32) + step,
    )
state = {name: tensor.clone() for name, tensor in book.state_dict().items()}
save_file(state | {"entropy": result.metrics["entropy"]}, f"{folder}/replica_{rank}.safetensors")
distributed.destroy_process_group()
"""


def test_two_replicas_equal_one_process(tmp_path: Path):
    latents = torch.randn(3, 2, 4, 60, generator=torch.Generator().manual_seed(0))
    save_file({"latents": latents}, tmp_path / "latents.safetensors")
    running = [
        subprocess.Popen([sys.executable, "-c", PROGRAM, str(tmp_path), str(rank)]) for rank in range(2)
    ]
    assert [process.wait(timeout=120) for process in running] == [0, 0]
    alone = Codebook(num_codes=32, width=4).train()
    for step, batch in enumerate(latents):
        numbers = torch.arange(32)
        metrics = alone(batch, update=True, initial_rows=numbers, restart_rows=numbers + step).metrics
    first, second = (load_file(tmp_path / f"replica_{rank}.safetensors") for rank in range(2))
    for name, tensor in alone.state_dict().items():
        assert torch.equal(first[name], second[name])
        assert_close(first[name], tensor)
    assert_close(first["entropy"], metrics["entropy"])
