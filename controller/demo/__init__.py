"""A commune to try the product with: its places, its people, its week, and the show that runs it all.

Everything in it is made by the services that real officers use; nothing is pretended. Names of hamlets and
people are samples.
"""
