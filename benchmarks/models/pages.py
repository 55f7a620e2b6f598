"""The page that these commands write."""

from benchmarks.page import Page

PAGE = Page("models", "# Cost models\n")
