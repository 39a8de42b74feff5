"""What did the paper print, do its numbers hold together, and what would they mean if they were true?"""

from bri_bayes.paper.printed import Printed
from bri_bayes.paper.records import Cell
from bri_bayes.paper.tables import Published, Regression, load_published

__all__ = ["Cell", "Printed", "Published", "Regression", "load_published"]
