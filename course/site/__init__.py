"""The web site: every lesson with its outputs and without its answers, the data, the handbook and the proof, by Sphinx."""
