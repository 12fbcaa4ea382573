"""Pieces that several pages share: the frame around a page, widgets, diffs, colours and the style sheet."""
