"""What does one command do from a file to an answer?"""

from bri_bayes.runtime.array_kinds import no_others_in_a_command

no_others_in_a_command()
