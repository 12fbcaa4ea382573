"""The workbench: write a prompt, send it to several models, and read the answers side by side."""
