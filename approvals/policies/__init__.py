"""Policies at work: which one a call meets, who may decide, and what is still missing."""
