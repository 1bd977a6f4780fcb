"""Search, statistics, restarts and hazards of the codebook."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from sep_pipeline.models.vqvae import Codebook
from sep_pipeline.models.vqvae import codebook as codebook_module
from sep_pipeline.models.vqvae.codebook import tiled_rows, tiled_with_noise


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def initialised(num_codes: int = 16, width: int = 4, num_tokens: int = 160, **options) -> Codebook:
    built = Codebook(num_codes=num_codes, width=width, **options)
    built.codes.copy_(noise(num_codes, width, seed=7))
    built.reset_statistics(num_tokens)
    return built.train()


def test_search_finds_the_nearest_row():
    book, rows = initialised(64, 8), noise(500, 8)
    assert torch.equal(book.assign(rows), torch.cdist(rows, book.codes).argmin(1))


def test_search_does_not_depend_on_how_rows_are_split(monkeypatch):
    book, rows = initialised(64, 8), noise(500, 8)
    whole = book.assign(rows)
    monkeypatch.setitem(codebook_module._SCORES_PER_CHUNK, "cpu", 64 * 7)
    assert torch.equal(book.assign(rows), whole)


def test_lowest_row_wins_ties():
    book = initialised(16, 4)
    book.codes.fill_(0.5)
    assert book.assign(noise(9, 4)).tolist() == [0] * 9


def test_dequantise_inverts_the_codes():
    book = initialised()
    result = book(noise(2, 4, 10), update=False)
    assert_close(book.dequantise(result.codes), result.latents)


def test_reset_statistics_matches_the_published_expectation():
    book = initialised(2048, 4, num_tokens=393_216 // 8)
    assert book.counts.unique().tolist() == [24.0]
    assert torch.equal(book.sums, 24 * book.codes)
    assert bool(book.is_initialised)


def test_evaluation_changes_nothing_and_reports_only_distances():
    book = Codebook(num_codes=8, width=4).eval()
    result = book(noise(1, 4, 10))
    assert result.codes.tolist() == [[0] * 10]
    assert not bool(book.is_initialised)
    assert set(result.metrics) == {"fit", "pn"}


def test_dequantising_uses_the_codebook_before_the_update():
    book = initialised()
    before = book.codes.clone()
    result = book(noise(1, 4, 50), update=True, generator=torch.Generator())
    assert_close(result.latents.transpose(1, 2)[0], before[result.codes[0]])
    assert not torch.equal(book.codes, before)


def test_frozen_codebook_keeps_codes_and_statistics():
    book = initialised(mode="frozen")
    before = {name: tensor.clone() for name, tensor in book.state_dict().items()}
    metrics = book(noise(1, 4, 50), update=True).metrics
    assert all(torch.equal(before[name], tensor) for name, tensor in book.state_dict().items())
    assert metrics["dk"] == 0
    assert 0 < metrics["entropy"] <= math.log(16)


def test_updating_without_a_source_of_rows_is_refused():
    with pytest.raises(ValueError, match="generator"):
        initialised()(noise(1, 4, 50), update=True)


def test_same_generator_seed_gives_the_same_codebook():
    books = []
    for _ in range(2):
        book = Codebook(num_codes=16, width=4).train()
        book(noise(1, 4, 50), update=True, generator=torch.Generator().manual_seed(1))
        books.append(book.codes)
    assert torch.equal(*books)


def test_first_batch_start_takes_encoder_rows():
    book = Codebook(num_codes=16, width=4, dead_code_threshold=0.0).train()
    latents = noise(1, 4, 50)
    result = book(latents, update=True, initial_rows=torch.arange(16), restart_rows=torch.arange(16))
    assert result.codes[0, :16].tolist() == list(range(16))
    assert bool(book.is_initialised)


def test_dead_codes_restart_and_keep_their_statistics():
    book = initialised(16, 4, num_tokens=16)
    book.codes[3] = 1000.0
    book.reset_statistics(16)
    sums = book.sums[3].clone()
    latents, order = noise(1, 4, 50), torch.arange(16)
    book(latents, update=True, restart_rows=order)
    assert_close(book.codes[3], latents[0, :, 3])
    assert book.counts[3].item() == pytest.approx(0.99)
    assert_close(book.sums[3], 0.99 * sums)


def test_an_unused_code_never_becomes_nan():
    book = initialised(16, 4)
    book.counts[3] = 0.0
    book.counts[4] = torch.finfo(torch.float32).tiny * 2**-20
    book.codes[3:5] = 1e6
    for step in range(3):
        book(noise(1, 4, 50, seed=step), update=True, generator=torch.Generator().manual_seed(step))
    assert bool(book.codes.isfinite().all())


def test_statistics_survive_eleven_thousand_unused_steps():
    book = initialised(2, 1, dead_code_threshold=0.0)
    book.codes.copy_(torch.tensor([[0.0], [50.0]]))
    book.reset_statistics(2)
    row = torch.zeros(1, 1, 1)
    for _ in range(11_000):
        book(row, update=True, restart_rows=torch.zeros(2, dtype=torch.int64))
    assert book.counts[1] < 1e-37
    assert bool(book.codes.isfinite().all())


def test_state_dict_restores_the_next_step_exactly():
    book = initialised()
    book(noise(1, 4, 50), update=True, generator=torch.Generator().manual_seed(1))
    copy = Codebook(num_codes=16, width=4).train()
    copy.load_state_dict(book.state_dict())
    for each in (book, copy):
        each(noise(1, 4, 50, seed=9), update=True, generator=torch.Generator().manual_seed(2))
    assert all(torch.equal(book.state_dict()[name], tensor) for name, tensor in copy.state_dict().items())


def test_commitment_gradient_pulls_only_the_encoder():
    book, latents = initialised(), noise(1, 4, 10).requires_grad_()
    result = book(latents)
    result.commitment.backward()
    expected = 2 * (latents - book.dequantise(result.codes)) / latents.numel()
    assert_close(latents.grad, expected.detach())
    assert result.metrics["fit"].item() == pytest.approx(4 * result.commitment.item())


def test_tiling_matches_the_original(golden):
    assert_close(tiled_with_noise(golden["tile/x"], golden["tile/noise"]), golden["tile/out"])


def test_tiling_gives_enough_rows_only_where_needed():
    rows = noise(7, 8)
    assert tiled_rows(rows, 7, torch.Generator()) is rows
    tiled = tiled_rows(rows, 32, torch.Generator().manual_seed(0))
    assert tiled.shape == (35, 8)
    assert 0 < (tiled[:7] - rows).abs().max() < 0.03
