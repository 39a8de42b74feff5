"""How does a notebook ask, and what does it get? ``did`` and its result, made of the objects of the command line."""
