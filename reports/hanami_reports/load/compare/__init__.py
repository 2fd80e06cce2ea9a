"""Two sets of load runs beside each other: is the second slower than the first, and how sure is that?"""
