"""WHAT is played: untrusted files and text in, immutable clips of one format and one loudness out."""
