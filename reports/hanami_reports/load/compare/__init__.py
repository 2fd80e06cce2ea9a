"""Two sets of load runs compared: is the second slower than the first, and is the difference significant?"""
