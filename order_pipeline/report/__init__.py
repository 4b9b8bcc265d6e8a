"""How the business goes, as one HTML file for people: counts, ages, times and money, each from a mart that is named.

`queries/` asks the marts, one SELECT a file; `figures` says what each of them is for; `charts` draws; `page` writes. No
query names a person: rows are counts and sums, and the longest list names order numbers.
"""
