"""The page Documents: add documents, label them, and see which passages a template would take."""
