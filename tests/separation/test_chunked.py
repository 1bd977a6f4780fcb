"""Chunked inference: equal to one pass, the published rule, cross-fades, and signals that are read in parts."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from sep_pipeline.errors import ConfigurationError
from sep_pipeline.models.vqvae import VQVAE, VQVAEConfig
from sep_pipeline.separation.chunked import bare_blocks, bare_chunks, context_and_crop, context_blocks
from sep_pipeline.separation.overlapped import cross_faded_pieces, overlap_add, overlap_add_blocks

CONFIG = VQVAEConfig(width=4, num_blocks=3, embedding_width=4, num_codes=16)
HOP = CONFIG.hop_samples

ROUNDING = 1e-14
"""Processors add up the taps of a convolution in an order that depends on its length."""


def _noise(num_samples, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(1, 1, num_samples, dtype=torch.float64, generator=generator)


def _double_vqvae():
    """A small VQ-VAE in double precision around a float32 codebook, as one function of audio."""
    model = VQVAE(CONFIG, seed=3)
    with torch.no_grad():
        latents = model.encode(_noise(1600).float())
        model.quantise(latents, generator=torch.Generator().manual_seed(1), update=True)
    model.encoder.double()
    model.decoder.double()
    model.eval().requires_grad_(False)
    return lambda audio: model.decode(model.quantise(model.encode(audio)).latents.double())


def _dilated_stack():
    """Integer weights, so that double precision is exact and no order of summation matters."""
    layers = [
        nn.Conv1d(1 if d == 1 else 3, 3, 3, dilation=d, padding=d, dtype=torch.float64) for d in (1, 3, 9)
    ]
    with torch.no_grad():
        for index, layer in enumerate(layers):
            generator = torch.Generator().manual_seed(index)
            for parameter in layer.parameters():
                parameter.normal_(generator=generator).mul_(3).round_()
    network = nn.Sequential(*(part for layer in layers for part in (layer, nn.ReLU()))).requires_grad_(False)
    return network, 13


@pytest.mark.parametrize("num_chunks", [2, 5])
def test_context_equals_the_whole_song_through_a_vqvae(num_chunks):
    function = _double_vqvae()
    song = _noise(num_chunks * 40 * HOP)
    found = context_and_crop(
        function, song, chunk_samples=40 * HOP, context_samples=CONFIG.context_samples, hop_samples=HOP
    )
    torch.testing.assert_close(found, function(song), rtol=0, atol=ROUNDING)


def test_less_context_than_needed_changes_the_result():
    function = _double_vqvae()
    song = _noise(200 * HOP)
    found = context_and_crop(function, song, chunk_samples=40 * HOP, context_samples=HOP, hop_samples=HOP)
    assert not torch.equal(found, function(song))


@pytest.mark.parametrize("num_samples", [1, 7, 50, 51, 349])
def test_context_is_bit_identical_through_dilated_convolutions(num_samples):
    function, context = _dilated_stack()
    song = _noise(num_samples).mul(100).round()
    found = context_and_crop(function, song, chunk_samples=50, context_samples=context, hop_samples=1)
    torch.testing.assert_close(found, function(song), rtol=0, atol=0)


@pytest.mark.parametrize("num_samples", [1, HOP - 1, HOP, HOP + 1, 83 * HOP + 3])
def test_context_gives_every_length_back(num_samples):
    function = _double_vqvae()
    song = _noise(num_samples)
    whole = function(functional.pad(song, (0, -num_samples % HOP)))[..., :num_samples]
    found = context_and_crop(
        function, song, chunk_samples=40 * HOP, context_samples=CONFIG.context_samples, hop_samples=HOP
    )
    torch.testing.assert_close(found, whole, rtol=0, atol=ROUNDING)


def test_no_call_sees_more_than_chunk_and_context():
    lengths = []

    def function(signal):
        lengths.append(signal.shape[-1])
        return signal

    context_and_crop(function, _noise(1000), chunk_samples=80, context_samples=16, hop_samples=8)
    assert max(lengths) == 80 + 2 * 16
    assert lengths[0] == 80 + 16


@pytest.mark.parametrize("remainder", [0, 1, HOP - 1, HOP, HOP + 5, 30 * HOP + 2])
def test_bare_chunks_pad_what_the_remainder_leaves(remainder):
    function = _double_vqvae()
    chunk = 40 * HOP
    song = _noise(2 * chunk + remainder)
    found = bare_chunks(function, song, chunk_samples=chunk, hop_samples=HOP)
    usable = remainder // HOP * HOP
    assert found.shape == song.shape
    assert torch.equal(found[..., :chunk], function(song[..., :chunk]))
    assert torch.equal(found[..., chunk : 2 * chunk], function(song[..., chunk : 2 * chunk]))
    if usable:
        assert torch.equal(found[..., 2 * chunk : 2 * chunk + usable], function(song[..., 2 * chunk :]))
    assert not found[..., 2 * chunk + usable :].any()


def test_a_song_shorter_than_a_code_is_silent_as_published():
    song = _noise(HOP - 1)
    assert torch.equal(
        bare_chunks(_double_vqvae(), song, chunk_samples=40 * HOP, hop_samples=HOP), torch.zeros_like(song)
    )


@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.5, 0.75])
@pytest.mark.parametrize("num_samples", [1, 11, 12, 15, 16, 17, 1000])
def test_overlap_add_of_the_identity_is_the_identity(num_samples, overlap):
    song = _noise(num_samples)
    lengths = set()

    def identity(segment):
        lengths.add(segment.shape[-1])
        return segment.clone()

    found = overlap_add(identity, song, segment_samples=16, overlap=overlap)
    torch.testing.assert_close(found, song, rtol=0, atol=1e-14)
    assert lengths == {16}


def test_overlap_add_fades_between_segments():
    counter = iter(range(100))
    found = overlap_add(
        lambda segment: torch.full_like(segment, next(counter)), _noise(24), segment_samples=16, overlap=0.5
    )[0, 0]
    assert torch.all(found[:8] == 0)
    assert torch.all(found[8:16].diff() > 0)
    assert torch.all(found[16:] == 1)


@pytest.mark.parametrize(
    ("sizes", "name"),
    [((12, 8, 8), "chunk_samples"), ((16, 9, 8), "context_samples"), ((16, 8, 0), "hop_samples")],
)
def test_sizes_off_the_grid_are_refused(sizes, name):
    chunk, context, hop = sizes
    with pytest.raises(ConfigurationError, match=name):
        context_and_crop(
            lambda s: s, _noise(100), chunk_samples=chunk, context_samples=context, hop_samples=hop
        )


def test_a_full_overlap_is_refused():
    with pytest.raises(ConfigurationError, match="overlap"):
        overlap_add(lambda s: s, _noise(100), segment_samples=16, overlap=1.0)


@pytest.mark.parametrize("num_samples", [1, 9, 30, 31, 100, 157])
@pytest.mark.parametrize(("piece", "edge", "fade"), [(31, 13, 4), (31, 13, 0), (60, 13, 20), (300, 13, 4)])
def test_pieces_without_their_edges_equal_the_whole_song(num_samples, piece, edge, fade):
    network, _ = _dilated_stack()
    song = _noise(num_samples)
    pieces = list(
        cross_faded_pieces(
            lambda start, stop: network(song[..., start:stop]),
            num_samples,
            piece_samples=piece,
            edge_samples=edge,
            fade_samples=fade,
        )
    )
    torch.testing.assert_close(torch.cat(pieces, -1), network(song), rtol=1e-13, atol=0)


def test_pieces_that_differ_are_faded_linearly():
    levels = iter([0.0, 1.0, 2.0])
    pieces = cross_faded_pieces(
        lambda start, stop: torch.full((stop - start,), next(levels)),
        14,
        piece_samples=8,
        edge_samples=1,
        fade_samples=3,
    )
    assert [piece.tolist() for piece in pieces] == [
        [0.0] * 4,
        [0.25, 0.5, 0.75],
        [1.25, 1.5, 1.75] + [2.0] * 4,
    ]


@pytest.mark.parametrize(("piece", "edge", "fade"), [(8, 3, 2), (8, -1, 2), (8, 3, -1)])
def test_pieces_of_which_nothing_is_left_are_refused(piece, edge, fade):
    with pytest.raises(ConfigurationError, match="nothing is left"):
        list(
            cross_faded_pieces(
                lambda start, stop: torch.zeros(stop - start),
                20,
                piece_samples=piece,
                edge_samples=edge,
                fade_samples=fade,
            )
        )


BLOCKWISE = {
    "context": (context_blocks, {"chunk_samples": 96, "context_samples": 32, "hop_samples": 8}),
    "bare": (bare_blocks, {"chunk_samples": 96, "hop_samples": 8}),
    "overlap": (overlap_add_blocks, {"segment_samples": 100, "overlap": 0.75}),
}


@pytest.mark.parametrize("kind", BLOCKWISE)
@pytest.mark.parametrize("num_samples", [1, 96, 97, 1009])
def test_signals_are_read_forwards_in_short_parts(kind, num_samples):
    function, sizes = BLOCKWISE[kind]
    song, starts = _noise(num_samples), []

    def read(start, stop):
        assert 0 <= start < stop <= num_samples
        assert stop - start <= 96 + 2 * 32
        starts.append(start)
        return song[..., start:stop]

    def identity(chunk):
        return chunk[..., : chunk.shape[-1] // 8 * 8] if kind == "bare" else chunk

    blocks = list(function(identity, read, num_samples, **sizes))
    assert starts == sorted(starts)
    assert sum(block.shape[-1] for block in blocks) == num_samples
    assert max(block.shape[-1] for block in blocks) <= 100
    usable = num_samples // 8 * 8 if kind == "bare" else num_samples
    found = torch.cat(blocks, dim=-1)
    torch.testing.assert_close(found[..., :usable], song[..., :usable], rtol=0, atol=ROUNDING)
