"""The styles of the workbench's editor."""

from __future__ import annotations

RULES = """
/* The place to drop documents is one line high. */
.st-key-bench-document-drop [data-testid="stFileUploaderDropzone"] { min-height: 0; padding: 0.2rem 0.4rem; }
.st-key-bench-document-drop [data-testid="stFileUploaderDropzone"]::after { content: "or drop documents here";
  font-size: 0.8rem; color: var(--pl-muted); }
.st-key-bench-document-drop [data-testid="stFileUploaderDropzoneInstructions"] { display: none; }
.st-key-parameters { row-gap: 0.4rem; }
"""

__all__ = ["RULES"]
