"""``python -m bri_bayes.cli`` is the command."""

from bri_bayes.cli.main import main

main()
