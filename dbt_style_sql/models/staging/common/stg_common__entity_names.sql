-- The XHTML named entities as one map, `eacute;` -> `é`: one row, to be cross joined where text is decoded.
SELECT map_from_entries(list(row(name || ';', chr(CAST(code_point AS INTEGER))))) AS names
FROM {{ ref('xhtml_entities') }}
