"""The page that these commands write."""

from benchmarks.page import Page

PAGE = Page("fits", "# How well the laws fit\n")
