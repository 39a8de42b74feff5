"""Where do official numbers come from, and how do they become one panel?"""
