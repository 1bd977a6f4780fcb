"""What an artifact was made from: digests of code, parameters and inputs, and the walk that joins them."""

from sep_pipeline.fingerprints.code import code_digest
from sep_pipeline.fingerprints.values import digest
from sep_pipeline.fingerprints.walk import expect_fingerprints, stale_nodes

__all__ = ["code_digest", "digest", "expect_fingerprints", "stale_nodes"]
