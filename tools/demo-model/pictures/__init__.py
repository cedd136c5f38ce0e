"""Scenes and how they are drawn: icons, shapes and words on all kinds of backgrounds, seen by all kinds of cameras."""
