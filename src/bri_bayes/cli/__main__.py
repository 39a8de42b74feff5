"""``python -m bri_bayes.cli`` is the command."""

from bri_bayes.cli.start import main

main()
