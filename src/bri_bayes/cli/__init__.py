"""What did the user ask, and what is the exit status?"""
