"""Puts an ffmpeg and an ffprobe into a virtual environment when the system has none.

musdb, museval and stempeg refuse to be imported without both. The imageio-ffmpeg package brings an ffmpeg;
its missing ffprobe is a short script that reads what `ffmpeg -i` says.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
from pathlib import Path


def main(bin_folder: Path) -> None:
    """Link ffmpeg and write ffprobe into `bin_folder`, unless the system's are there."""
    outside = [
        folder
        for folder in os.environ.get("PATH", "").split(":")
        if Path(folder).resolve() != bin_folder.resolve()
    ]
    path = ":".join(outside)
    if shutil.which("ffmpeg", path=path) and shutil.which("ffprobe", path=path):
        return
    import imageio_ffmpeg

    ffmpeg = bin_folder / "ffmpeg"
    ffmpeg.unlink(missing_ok=True)
    ffmpeg.symlink_to(imageio_ffmpeg.get_ffmpeg_exe())
    ffprobe = bin_folder / "ffprobe"
    source = (Path(__file__).parent / "ffprobe.py").read_text(encoding="utf-8")
    ffprobe.write_text(f"#!{(bin_folder / 'python').absolute()}\n{source}", encoding="utf-8")
    ffprobe.chmod(ffprobe.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
