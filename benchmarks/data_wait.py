"""How long updates of study 5's networks wait for chunks that are rendered meanwhile, in the demo's settings.

Updates are those of the training loop: batches come one ahead from a background thread (`prefetched`), which renders in
its own time unless the pool has workers. The pool is filled before the clock starts. "waited" is what the loop stood
still for a batch; "busy" the rest. The share is that of waiting in both.

Usage: python benchmarks/data_wait.py [--updates 60] [--threads 1] [--networks wavenet wave_unet]
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch
from measuring import line

from sep_pipeline.data.chunk_pool.config import ChunkPoolConfig
from sep_pipeline.data.chunk_pool.examples import PoolExamples
from sep_pipeline.data.feeding import prefetched
from sep_pipeline.data.midi_corpus import CorpusConfig, index_corpus, programs_of
from sep_pipeline.losses import SourceLossConfig, study_resolution
from sep_pipeline.models.waveform import build_network, preset
from sep_pipeline.training.config import TrainingConfig
from sep_pipeline.training.state import TrainingState
from sep_pipeline.training.waveform_task import WaveformTask

MIDI = Path(__file__).parents[1] / "data" / "01_raw" / "midi"
PROGRAMS = programs_of(("drums", "piano", "strings", "bass"), "family")
CHUNK_SAMPLES, SAMPLE_RATE, BATCH_SIZE = 2048, 16_000, 12
REUSES, WORKERS = (1, 2), (0, 1)
NUM_WARM_UP = 5


def main() -> None:
    """Measure every case and write one row each."""
    arguments = _arguments()
    torch.set_num_threads(arguments.threads)
    line(f"{'network':<12}{'reuse':>6}{'workers':>9}{'busy s':>9}{'waited s':>10}{'share':>8}")
    for network in arguments.networks:
        for reuse in REUSES:
            for workers in WORKERS:
                busy, waited = _measure(network, reuse, workers, arguments.updates)
                row = f"{network:<12}{reuse:>6}{workers:>9}{busy:>9.2f}{waited:>10.3f}"
                line(f"{row}{waited / (busy + waited):>8.1%}")


def _measure(network: str, reuse: int, workers: int, num_updates: int) -> tuple[float, float]:
    """Seconds of computing and of waiting."""
    model = build_network(preset(network, "small", num_sources=len(PROGRAMS)))
    heard = model.config.input_samples(CHUNK_SAMPLES)
    config = ChunkPoolConfig(
        chunk_samples=heard,
        sample_rate=SAMPLE_RATE,
        batch_size=BATCH_SIZE,
        pool_size=240,
        reuse=reuse,
        gain=2.0,
        workers=workers,
    )
    songs = index_corpus(MIDI, CorpusConfig(fractions=(1.0, 0.0, 0.0))).eligible(PROGRAMS, split="train")
    recipe = TrainingConfig(num_steps=1000, batch_size=BATCH_SIZE, optimizer="adam", ema_decay=None)
    with PoolExamples(MIDI, songs, PROGRAMS, config) as pool:
        task = WaveformTask(model, pool, loss=SourceLossConfig(), resolution=study_resolution(SAMPLE_RATE))
        state, waited, started = TrainingState(model, recipe), 0.0, 0.0
        with prefetched(task.batch, range(NUM_WARM_UP + num_updates)) as batches:
            for step in range(NUM_WARM_UP + num_updates):
                if step == NUM_WARM_UP:
                    waited, started = 0.0, time.perf_counter()
                asked = time.perf_counter()
                _, batch = next(batches)
                waited += time.perf_counter() - asked
                state.clear_gradients()
                task.losses(batch, torch.Generator())["loss"].backward()
                state.update(float(state.gradient_norm()))
        return time.perf_counter() - started - waited, waited


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--updates", type=int, default=60)
    parser.add_argument("--threads", type=int, default=1, help="threads of torch")
    parser.add_argument("--networks", nargs="+", default=["wavenet", "wave_unet"])
    return parser.parse_args()


if __name__ == "__main__":
    main()
