"""Tiny random Gemma 4 checkpoints and their reference outputs; see ../tiny.py."""
