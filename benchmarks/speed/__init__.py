"""How fast, against whom, and has it become slower? The pieces of ``benchmarks/run.py``."""
