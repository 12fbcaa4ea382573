"""Tests of the page Experiments."""
