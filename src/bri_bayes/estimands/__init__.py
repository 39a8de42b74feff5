"""How large is the effect, in which units, for whom?"""
