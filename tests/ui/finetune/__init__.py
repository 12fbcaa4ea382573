"""Tests of the page Fine-tuning."""
