"""Cats as a Service: draws a cat from a seed, and serves it."""

from catserve.cat import Cat, cat_of, draw, new_seed, valid_seed

__all__ = ["Cat", "cat_of", "draw", "new_seed", "valid_seed"]
