"""How the C library hands out memory, on which the speed of updates on a processor depends."""

from __future__ import annotations

import ctypes

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3

# The most that glibc accepts for blocks, and for what may lie unused at the end of the heap.
_LARGEST_BLOCK, _LARGEST_REST = 32 * 1024**2, 2**31 - 1


def keep_freed_memory() -> bool:
    """Let this process keep what it frees for its next update, instead of returning it to the system.

    Every update frees and takes the same blocks again. Returned ones come back as new pages, which the system has to
    clear first: up to a third of an update was spent on it. Blocks over 32 MiB are returned as before.

    Returns:
        Whether it can be had; only glibc offers it.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, _LARGEST_BLOCK) and mallopt(_M_TRIM_THRESHOLD, _LARGEST_REST))
