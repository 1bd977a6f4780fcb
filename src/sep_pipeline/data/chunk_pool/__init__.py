"""Training chunks rendered from MIDI files while training: unlimited, seeded, never stored on disk.

`examples.PoolExamples` is the way in. Nothing is imported here, so that processes that render start without torch.
"""
