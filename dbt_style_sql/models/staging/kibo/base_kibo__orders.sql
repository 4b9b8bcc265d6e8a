-- The current raw version of every Kibo order. A table in a batch: parsing JSON behind a join costs twice as much.
{{ current_versions('kibo', 'orders') }}
