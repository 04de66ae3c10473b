"""Defences that map an attacked image to a cleaned one, to compare ResGN with."""

from resgn.cleaners.base import Cleaner
from resgn.cleaners.bit_depth import bit_depth
from resgn.cleaners.filters import gaussian_filter, median_filter
from resgn.cleaners.gaussian_noise import gaussian_noise
from resgn.cleaners.jpeg import jpeg

__all__ = [
    "Cleaner",
    "bit_depth",
    "gaussian_filter",
    "gaussian_noise",
    "jpeg",
    "median_filter",
]
