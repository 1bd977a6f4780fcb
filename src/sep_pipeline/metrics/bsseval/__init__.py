"""BSS Eval v4 (SDR, ISR, SIR and SAR per frame) as museval defines it, tens of times faster.

Definition. Every estimate is projected on all references and on its own reference: the least-squares fit by 512
delays of their channels. In each frame, with zeros around it and the tail of the filters kept,

- e_spat = projection on the own reference - reference,
- e_interf = projection on all references - projection on the own reference,
- e_artif = estimate - projection on all references,

and the scores are ratios of energies (`Energies`, `metrics_of`). Mode v4 fits the filters once, to the whole track.

Where museval spends its time. With four stereo stems it factorises the same 4096 x 4096 matrix once per stem,
transforms whole signals of power-of-two length for each pair of channels, and convolves every frame 80 times.

What this engine does instead.

1. `tiling`: cut the track at all frame borders. `correlations`: one pass over the tiles. Each second of 16 channels
   costs one set of short real transforms, which stay in the cache, and one batch of small matrix products. Out
   come the correlations (512 lags) of every frame and of the whole track, which are all that is ever needed of
   the audio; memory does not grow with the track but for 0.5 MB per frame.
2. `filters`: the normal equations are block-Toeplitz. `levinson` solves them for all stems at once in O(n^2).
   `basis` first turns nearly equal channels into a sum and a small difference, each of energy 1. Directions that
   are exact copies are left out by a pseudo-inverse. `toeplitz` measures the residual of every solution, by
   transforms; a bad one is refined, a hopeless one handed to `dense_solve` (Cholesky with a tiny ridge, iterated),
   which warns where the system has no unique solution.
3. `energies`: with zeros around a frame its energies are linear in its correlations. All frames, parts and stems
   take one matrix product; no signal is filtered. The SDR needs no filters at all.
4. `projection`: where such a sum cancels (artefacts about 80 dB below the estimate, huge filters), known from a
   bound of its rounding error, the frame is filtered sample by sample.

All arithmetic is float64: correlations in float32 would cost whole decibels. The cost is about 0.2 s per track for
the two solutions and the rest per second of audio: half of it is the transforms, a quarter the products. Decision
record 0015 gives the figures.

What cannot agree with museval: references that are, up to float64 rounding of their correlations, filtered copies
of each other (float stems with an exactly delayed channel; channels whose difference lies 140 dB below them).
museval's own scores then change by many dB when stems are reordered. Stems stored with 16 bits are safe,
exact copies with a delay excepted.
"""

from sep_pipeline.metrics.bsseval.evaluation import ENGINES, MODES, bss_eval, fit_length
from sep_pipeline.metrics.bsseval.scores import FrameMetrics

__all__ = ["ENGINES", "MODES", "FrameMetrics", "bss_eval", "fit_length"]
