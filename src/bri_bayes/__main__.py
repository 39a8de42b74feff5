"""``python -m bri_bayes`` is the command."""

from bri_bayes.cli.start import main

main()
