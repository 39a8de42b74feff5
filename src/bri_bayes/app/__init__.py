"""What does one command do from a file to an answer?"""
