{# Casts of text taken from JSON. Each is NULL for text it cannot read; the text stays beside it as a companion. #}

{# Empty text is no text (common_schema.md 1.6). #}
{% macro text(value) -%}
nullif({{ value }}, '')
{%- endmacro %}

{# Exact decimal; more digits than the scale are rounded half to even. DuckDB rounds half away from zero, so the tie is cut. #}
{% macro decimal(value, precision=18, scale=4) -%}
TRY_CAST(
    CASE
        WHEN contains({{ value }}, '_') THEN NULL
        WHEN strlen({{ value }}) > instr({{ value }}, '.') + {{ scale }}
            THEN regexp_replace({{ value }}, '(\.[0-9]{{ '{' }}{{ scale - 1 }}{{ '}' }}[02468])50*$', '\1')
        ELSE {{ value }}
    END AS DECIMAL({{ precision }}, {{ scale }})
)
{%- endmacro %}

{% macro quantity(value) -%}
{{ decimal(value, 18, 3) }}
{%- endmacro %}

{# A time that states its offset; without one it is NULL, never a guess (common_schema.md 1.5). #}
{% macro time_with_offset(value) -%}
CASE
    WHEN regexp_matches({{ value }}, '^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?\s?(Z|z|[+-]\d{2}(:?\d{2})?)$')
        THEN TRY_CAST({{ value }} AS TIMESTAMPTZ)
END
{%- endmacro %}

{% macro flag(value) -%}
TRY_CAST({{ value }} AS BOOLEAN)
{%- endmacro %}

{# Decode XHTML entities once (kibo.md 8); `names` is the map of stg_common__entity_names. Unknown entities stay as they are. #}
{% macro decode_entities(value, names) -%}
array_to_string(list_transform(string_split({{ value }}, '&'), lambda part, number: CASE
    WHEN number = 1 THEN part
    ELSE coalesce(
        CASE
            WHEN NOT starts_with(part, '#') THEN {{ names }}[left(part, instr(part, ';'))]
            WHEN regexp_matches(part, '^#[0-9]{1,7};') THEN TRY(chr(CAST(part[2:instr(part, ';') - 1] AS INTEGER)))
            WHEN regexp_matches(part, '^#[xX][0-9A-Fa-f]{1,6};')
                THEN TRY(chr(CAST('0x' || part[3:instr(part, ';') - 1] AS INTEGER)))
        END || substr(part, instr(part, ';') + 1),
        '&' || part
    )
END), '')
{%- endmacro %}

{# Text of a JSON object or list as it is, any other text as a JSON string, NULL as null: to be put into a JSON text. #}
{% macro json_or_text(value) -%}
CASE
    WHEN {{ value }} IS NULL THEN 'null'
    WHEN {{ value }} IN ('{}', '[]') THEN {{ value }}
    WHEN left({{ value }}, 1) IN ('{', '[') AND json_valid({{ value }}) THEN {{ value }}
    ELSE CAST(to_json({{ value }}) AS VARCHAR)
END
{%- endmacro %}
