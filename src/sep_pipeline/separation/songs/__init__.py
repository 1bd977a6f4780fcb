"""Songs of one's own: files of any format in, files of their stems out, in memory that does not grow with them."""

from __future__ import annotations

from sep_pipeline.separation.songs.file import WrittenSong, separate_file
from sep_pipeline.separation.songs.options import SongOptions
from sep_pipeline.separation.songs.records import SongResult
from sep_pipeline.separation.songs.run import separate_songs

__all__ = ["SongOptions", "SongResult", "WrittenSong", "separate_file", "separate_songs"]
