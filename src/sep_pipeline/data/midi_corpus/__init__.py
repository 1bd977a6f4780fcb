"""Which songs of a folder of MIDI files can be used, which instruments they have, and what was rejected."""

from sep_pipeline.data.midi_corpus.corpus import CorpusConfig, IndexedSong, MidiCorpus, Rejection
from sep_pipeline.data.midi_corpus.indexing import index_corpus, read_corpus, write_corpus
from sep_pipeline.data.midi_corpus.instruments import CANDIDATES, Grouping, programs_of

__all__ = [
    "CANDIDATES",
    "CorpusConfig",
    "Grouping",
    "IndexedSong",
    "MidiCorpus",
    "Rejection",
    "index_corpus",
    "programs_of",
    "read_corpus",
    "write_corpus",
]
