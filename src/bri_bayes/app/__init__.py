"""What does one command do from a file to an answer?"""

from bri_bayes.runtime.array_kinds import no_others_in_a_command

no_others_in_a_command()

from bri_bayes.runtime.kept_panels import keep_generated_in_a_command  # noqa: E402 - brings xarray, which is told first

keep_generated_in_a_command()
