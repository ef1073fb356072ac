"""Masking, as approvals show and tell what they are asked about."""

from timestep.masking import MASK, masked, masked_text

__all__ = ["MASK", "masked", "masked_text"]
