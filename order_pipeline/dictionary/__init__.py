"""What every table, view and column means: as comments in the lake, as a table to ask, and as one HTML page.

Nothing is written here by hand. Sentences come from the contracts, from the yml beside the SQL, from the channels and
from the declared tables of the operations store; `completeness` names what has none.
"""
