"""The part of ffprobe that stempeg asks for, answered by `ffmpeg -i`.

Prints {"streams": [...]} with index, codec_type, sample_rate, channels, duration, duration_ts and tags.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys

AUDIO = re.compile(r"Stream #0:(\d+).*?: (Audio|Video)(.*)")
FORMAT = re.compile(r"(\d+) Hz, (mono|stereo|\d+ channels|[57]\.1)")
DURATION = re.compile(r"Duration: (\d+):(\d+):([\d.]+)")
HANDLER = re.compile(r"handler_name\s*: (.*)")
CHANNELS = {"mono": 1, "stereo": 2, "5.1": 6, "7.1": 8}


def probe(path: str) -> dict[str, list[dict[str, object]]]:
    """Describe the streams of a media file."""
    command = ["ffmpeg", "-hide_banner", "-i", path]
    said = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False).stderr
    found = DURATION.search(said)
    parts = found.groups() if found else ("0", "0", "0")
    seconds = sum(float(part) * unit for part, unit in zip(parts, (3600, 60, 1), strict=True))
    streams: list[dict[str, object]] = []
    for line in said.splitlines():
        stream, handler = AUDIO.search(line), HANDLER.search(line)
        if stream:
            streams.append(_stream(int(stream[1]), stream[2].lower(), FORMAT.search(stream[3]), seconds))
        elif handler and streams:
            streams[-1]["tags"] = {"handler_name": handler[1].strip()}
    return {"streams": streams}


def _stream(index: int, kind: str, sound: re.Match[str] | None, seconds: float) -> dict[str, object]:
    described: dict[str, object] = {"index": index, "codec_type": kind, "tags": {}}
    if sound:
        rate = int(sound[1])
        channels = CHANNELS.get(sound[2]) or int(sound[2].split()[0])
        described |= {
            "sample_rate": str(rate),
            "channels": channels,
            "duration": f"{seconds:.6f}",
            "duration_ts": round(seconds * rate),
        }
    return described


if __name__ == "__main__":
    answer = probe(sys.argv[-1])
    if not answer["streams"]:
        sys.exit(f"{sys.argv[-1]}: no streams found")
    json.dump(answer, sys.stdout)
